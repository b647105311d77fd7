// Words on the page, in every language that has a file. Switching the language changes them at once, without a reload.

import { createInstance, type ResourceLanguage, type TFunction } from "i18next";
import { sentences } from "virtual:sentences";
import type { Role } from "../protocol.ts";
import { kindOfProvince } from "../roster.ts";

/** The name of its file in `locales`, which is its code: `vi`. */
export type Language = string;

/** The one for whoever has not chosen; the build sees to it that every other says the same. */
const FIRST: Language = "vi";

const resources = new Map(Object.entries(sentences).map(([code, translation]) => [code, { translation }]));

const messages = createInstance({
  lng: FIRST,
  fallbackLng: FIRST,
  resources: Object.fromEntries(resources),
  interpolation: { escapeValue: false },
  initAsync: false,
});
// With its resources at hand and `initAsync` off, this ends before it returns.
void messages.init();

let current = $state<Language>(FIRST);

/** What there is to choose from, each named in itself; the first one first. */
export const LANGUAGES = [...resources.keys()]
  .sort((one, other) => Number(other === FIRST) - Number(one === FIRST) || one.localeCompare(other))
  .map((code) => {
    const say = messages.getFixedT(code);
    return { code, short: say("language.short"), name: say("language.name") };
  });

/** Adds what only some pages say. */
export function addSentences(more: Readonly<Record<Language, ResourceLanguage>>): void {
  for (const [code, translation] of Object.entries(more)) messages.addResourceBundle(code, "translation", translation, true);
}

/** Whether there is a sentence for what a server names: it may be newer than this page. */
export function isSaid(key: string): boolean {
  return messages.exists(key);
}

export function language(): Language {
  return current;
}

/** Shows the page in another language, if there is such a one, and says so to screen readers. */
export function speak(wanted: Language | null): void {
  const next = wanted !== null && resources.has(wanted) ? wanted : FIRST;
  current = next;
  document.documentElement.lang = next;
  void messages.changeLanguage(next);
}

/** The words for a key. Inside a component it follows the language. */
export const t = ((...args: Parameters<TFunction>): string => wordsIn(current)(...args)) as TFunction;

/** Once made, kept: a page says hundreds of things and numbers at once. */
function kept<Made>(make: (language: Language) => Made): (language: Language) => Made {
  const known = new Map<Language, Made>();
  return (language) => {
    const made = known.get(language) ?? make(language);
    known.set(language, made);
    return made;
  };
}

const wordsIn = kept((language) => messages.getFixedT(language));
const numbersIn = kept((language) => new Intl.NumberFormat(language));
const clockIn = kept((language) => new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" }));

const momentsIn = kept((language) => new Intl.DateTimeFormat(language, { dateStyle: "short", timeStyle: "short" }));

const ROLES: ReadonlySet<string> = new Set(["operator", "chair", "hall", "observer"] satisfies Role[]);

/** What to call somebody. A token made without a name and for no site names its role, which is a word of the page. */
export function called({ site, name }: { readonly site: string | null; readonly name: string }): string {
  return site === null && ROLES.has(name) ? t(`role.${name as Role}`) : name;
}

/** A province with what it is: a city says so itself. */
export function provinceCalled(name: string): string {
  return kindOfProvince(name) === "" ? t("place.province", { name }) : name;
}

interface Located {
  readonly site: string | null;
  readonly name: string;
  readonly provinceName?: string | null;
}

/** The second line below a name, without which it may be one of seven; empty where there is none. */
export function within({ provinceName }: Pick<Located, "provinceName">): string {
  return provinceName == null ? "" : provinceCalled(provinceName);
}

/** Somebody in one line, with the province: what a question or a notice says. */
export function calledFully(one: Located): string {
  const province = within(one);
  return province === "" ? called(one) : t("place.within", { name: called(one), province });
}

/** A whole number as people write it: 3.356 or 3,356. */
export function number(value: number): string {
  return numbersIn(current).format(value);
}

/** Hours and minutes of a moment, as the clock on the wall shows it: 10:15. */
export function clock(at: string): string {
  return clockIn(current).format(Date.parse(at));
}

/** Day and hour of a moment: 10:15 26/11/2026. */
export function moment(at: string | number): string {
  return momentsIn(current).format(new Date(at));
}

/** Hours, minutes and seconds since `since`: 0:42, 12:07, 1:02:09. */
export function elapsed(since: string, now: number): string {
  const seconds = Math.max(0, Math.floor((now - Date.parse(since)) / 1000));
  const pad = (part: number): string => String(part).padStart(2, "0");
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return h > 0 ? `${h}:${pad(m)}:${pad(s)}` : `${m}:${pad(s)}`;
}
