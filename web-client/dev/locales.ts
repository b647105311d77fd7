// What a file of sentences must be: the build asks, so that a language that is not whole never reaches anybody.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { pathToFileURL } from "node:url";

/** Where languages are; in a trial of one more also where the environment says. */
function directories(): readonly URL[] {
  const more = process.env["DINH_MORE_LOCALES"];
  return [new URL("../src/locales/", import.meta.url), ...(more === undefined ? [] : [pathToFileURL(`${more}/`)])];
}

/** The language in which sentences are first written. */
const FIRST = "vi";
const PLURAL = /_(zero|one|two|few|many|other)$/u;

export interface Messages {
  readonly [key: string]: string | Messages;
}

/** Every message by its dotted key. */
export function flatten(messages: Messages, prefix = ""): Map<string, string> {
  const flat = new Map<string, string>();
  for (const [key, value] of Object.entries(messages)) {
    if (typeof value === "string") flat.set(prefix + key, value);
    else for (const [inner, text] of flatten(value, `${prefix}${key}.`)) flat.set(inner, text);
  }
  return flat;
}

const placeholders = (text: string): string => [...text.matchAll(/\{\{.*?\}\}/gu)].map(([found]) => found).sort().join(" ");

/** The keys that a language needs for what another says: one for each of its own plurals where numbers are counted. */
function keysFor(language: string, reference: ReadonlyMap<string, string>): Map<string, string> {
  const { pluralCategories } = new Intl.PluralRules(language).resolvedOptions();
  const needed = new Map<string, string>();
  for (const [key, text] of reference) {
    if (!PLURAL.test(key)) needed.set(key, text);
    else for (const plural of pluralCategories) needed.set(key.replace(PLURAL, `_${plural}`), text);
  }
  return needed;
}

/** What is wrong with `messages` in `language`, one sentence each, beside those of another language. */
export function faultsOf(language: string, messages: Messages, reference: Messages): readonly string[] {
  const own = flatten(messages);
  const needed = keysFor(language, flatten(reference));
  const faults: string[] = [];
  for (const [key, text] of needed) {
    const said = own.get(key);
    if (said === undefined) faults.push(`${key} is missing (${FIRST}: "${text}")`);
    else if (said.trim() === "") faults.push(`${key} says nothing`);
    else if (placeholders(said) !== placeholders(text)) faults.push(`${key} fills in "${placeholders(said)}" instead of "${placeholders(text)}"`);
    else if (said !== said.normalize("NFC")) faults.push(`${key} is not composed (NFC): not every font draws its accents`);
  }
  for (const key of own.keys()) if (!needed.has(key)) faults.push(`${key} is said nowhere in ${FIRST}`);
  return faults;
}

const read = (file: URL): Messages => JSON.parse(readFileSync(file, "utf8")) as Messages;

/** What the office's pages say in a language is in a file of its own, of the same name. */
function officeIn(file: URL): Messages {
  const own = new URL(`office/${basename(file.pathname)}`, file);
  return existsSync(own) ? read(own) : {};
}

/** Every language that has a file, with all that is said in it. */
export function readLocales(): ReadonlyMap<string, Messages> {
  const files = directories().flatMap((directory) => readdirSync(directory).map((name) => new URL(name, directory)));
  const languages = files.filter(({ pathname }) => pathname.endsWith(".json"));
  return new Map(languages.map((file) => [basename(file.pathname, ".json"), { ...read(file), ...officeIn(file) }]));
}

/** Groups of sentences that are said in some part of the pages alone, and fetched with it: no part of what everybody loads first. */
const PARTS: Readonly<Record<string, readonly string[]>> = {
  room: ["air", "ended", "floor", "hall", "leave", "link", "presence", "refused", "seat"],
  desk: ["operator", "shortcut"],
  check: ["cause", "linecheck"],
  reply: ["reply"],
  office: Object.keys(read(new URL(`../src/locales/office/${FIRST}.json`, import.meta.url))),
};

/** Where the sentences of a part are imported from; without a name those of the first page. */
const MODULE = "virtual:sentences";

/** The part in which a group of sentences is; `null` for those that the first page may say. */
export function partOf(group: string): string | null {
  return Object.keys(PARTS).find((part) => PARTS[part]?.includes(group)) ?? null;
}

/**
 * Gives the pages every language in parts: what the first page says, of that only the groups `first` where they are given,
 * and what is fetched with the pages that say it.
 */
export function sentencesInParts(first: readonly string[] | null) {
  const modules = new Map([null, ...Object.keys(PARTS)].map((part) => [part === null ? MODULE : `${MODULE}/${part}`, part]));
  return {
    name: "sentences-in-parts",
    resolveId: (id: string): string | null => (modules.has(id) ? `\0${id}` : null),
    load(id: string): string | null {
      const part = modules.get(id.replace(/^\0/u, ""));
      if (part === undefined) return null;
      const isWanted = (group: string): boolean => partOf(group) === part && (part !== null || first === null || first.includes(group));
      const wanted = (messages: Messages) => Object.fromEntries(Object.entries(messages).filter(([group]) => isWanted(group)));
      const parts = [...readLocales()].map(([language, messages]) => [language, wanted(messages)]);
      return `export const sentences = ${JSON.stringify(Object.fromEntries(parts))};`;
    },
  };
}

/** Stops the build where a language is not whole, and says what it lacks. */
export function wholeLocales() {
  return {
    name: "whole-locales",
    buildStart(): void {
      const locales = readLocales();
      for (const [language, messages] of locales) {
        const faults = faultsOf(language, messages, locales.get(FIRST) ?? {});
        if (faults.length > 0) throw new Error(`src/locales/${language}.json is not whole:\n  ${faults.join("\n  ")}`);
      }
    },
  };
}
