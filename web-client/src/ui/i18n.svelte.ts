// Words on the page, in every language that has a file. Switching the language changes them at once, without a reload.

import { sentences } from "virtual:sentences";
import type { Role } from "../protocol.ts";
import { kindOfProvince } from "../province.ts";
import { type Key, Sentences, type Values } from "./sentences.ts";

/** The name of its file in `locales`, which is its code: `vi`. */
export type Language = string;

/** The one for whoever has not chosen; the build sees to it that every other says the same. */
const FIRST: Language = "vi";

const said = new Map(Object.entries(sentences).map(([code, messages]) => [code, new Sentences(code, messages)]));

let current = $state<Language>(FIRST);

/** What there is to choose from, each named in itself; the first one first. */
export const LANGUAGES = [...said.keys()]
  .sort((one, other) => Number(other === FIRST) - Number(one === FIRST) || one.localeCompare(other))
  .map((code) => ({ code, short: say(code, "language.short"), name: say(code, "language.name") }));

/** Adds what only some pages say. */
export function addSentences(more: typeof sentences): void {
  for (const [code, messages] of Object.entries(more)) said.get(code)?.add(messages);
}

/** Whether there is a sentence for what a server names: it may be newer than this page. */
export function isSaid(key: string): boolean {
  return said.get(current)?.has(key) ?? false;
}

export function language(): Language {
  return current;
}

/** Shows the page in another language, if there is such a one, and says so to screen readers. */
export function speak(wanted: Language | null): void {
  const next = wanted !== null && said.has(wanted) ? wanted : FIRST;
  current = next;
  document.documentElement.lang = next;
}

/** The words for a key. Inside a component it follows the language. */
export function t(key: Key, values?: Values): string {
  return say(current, key, values);
}

/** A sentence that is nowhere is its key: it is better than none. */
function say(code: Language, key: Key, values?: Values): string {
  return said.get(code)?.say(key, values) ?? key;
}

/** Once made, kept: a page says hundreds of things and numbers at once. */
function kept<Made>(make: (language: Language) => Made): (language: Language) => Made {
  const known = new Map<Language, Made>();
  return (language) => {
    const made = known.get(language) ?? make(language);
    known.set(language, made);
    return made;
  };
}

const numbersIn = kept((language) => new Intl.NumberFormat(language));
/** Where the pages are read a day comes before its month, in English as well. */
const datesOf = (language: string): string => (language === "en" ? "en-GB" : language);
const clockIn = kept((language) => new Intl.DateTimeFormat(datesOf(language), { hour: "2-digit", minute: "2-digit" }));

/** A year has four digits: of "10:15 26/11/26" nobody knows which is the day. */
const WHOLE_DAY = { day: "2-digit", month: "2-digit", year: "numeric" } as const;
const momentsIn = kept((language) => new Intl.DateTimeFormat(datesOf(language), { ...WHOLE_DAY, hour: "2-digit", minute: "2-digit" }));

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
