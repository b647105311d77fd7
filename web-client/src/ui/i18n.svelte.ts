// Words on the page, in Vietnamese or English. Switching the language changes them at once, without a reload.

import { createInstance, type TFunction } from "i18next";
import type { Role } from "../protocol.ts";
import en from "../locales/en.json";
import vi from "../locales/vi.json";
import { kindOfProvince } from "../roster.ts";

export type Language = "vi" | "en";

const messages = createInstance({
  lng: "vi",
  fallbackLng: "vi",
  resources: { vi: { translation: vi }, en: { translation: en } },
  interpolation: { escapeValue: false },
  initAsync: false,
});
// With its resources at hand and `initAsync` off, this ends before it returns.
void messages.init();

let current = $state<Language>("vi");

export function language(): Language {
  return current;
}

/** Shows the page in another language and says so to screen readers. */
export function speak(next: Language): void {
  current = next;
  document.documentElement.lang = next;
  void messages.changeLanguage(next);
}

/** The words for a key. Inside a component it follows the language. */
export const t = ((...args: Parameters<TFunction>): string => messages.getFixedT(current)(...args)) as TFunction;

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
  return new Intl.NumberFormat(current).format(value);
}

/** Hours and minutes of a moment, as the clock on the wall shows it: 10:15. */
export function clock(at: string): string {
  return new Intl.DateTimeFormat(current, { hour: "2-digit", minute: "2-digit" }).format(Date.parse(at));
}

/** Hours, minutes and seconds since `since`: 0:42, 12:07, 1:02:09. */
export function elapsed(since: string, now: number): string {
  const seconds = Math.max(0, Math.floor((now - Date.parse(since)) / 1000));
  const pad = (part: number): string => String(part).padStart(2, "0");
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return h > 0 ? `${h}:${pad(m)}:${pad(s)}` : `${m}:${pad(s)}`;
}
