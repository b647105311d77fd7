// Sentences of the page by their keys: found in a language, and which of all no picture has shown.

import { readdirSync, readFileSync } from "node:fs";

const DIRECTORY = new URL("../../src/locales/", import.meta.url);
/** The language in which sentences are first written. */
const FIRST = "vi";
/** Each that has a file, the first one first. */
export const LANGUAGES = readdirSync(DIRECTORY)
  .filter((file) => file.endsWith(".json"))
  .map((file) => file.replace(/\.json$/u, ""))
  .sort((one, other) => Number(other === FIRST) - Number(one === FIRST));

const readFile = (name) => JSON.parse(readFileSync(new URL(name, DIRECTORY), "utf8"));
/** Everything that is said in a language, on the office's pages too. */
export const read = (language) => ({ ...readFile(`${language}.json`), ...readFile(`office/${language}.json`) });

function flat(node, path = "") {
  return Object.entries(node).flatMap(([name, value]) => {
    const key = path === "" ? name : `${path}.${name}`;
    return typeof value === "string" ? [[key, value]] : flat(value, key);
  });
}

/** Every sentence by its key, of each language that is spoken in this run. */
const spoken = new Map(LANGUAGES.map((language) => [language, new Map(flat(read(language)))]));

/** One more language is spoken. */
export function learn(language, messages) {
  spoken.set(language, new Map(flat(messages)));
}

/** Quotation marks are anything: what selects by words takes them for its own. */
const escape = (text) => text.replace(/[.*+?^${}()|[\]\\]/gu, "\\$&").replace(/["'\x60]/gu, ".");

/** What a sentence looks like on the page, whatever stands in its places. */
function pattern(sentence) {
  return sentence.split(/\{\{[^}]*\}\}/u).map(escape).join(".+?").replaceAll(" ", "\\s+");
}

/** The sentence of `key` as a whole, in any of the languages. */
export function said(key) {
  const either = [...spoken.values()].map((sentences) => sentences.get(key)).filter((sentence) => sentence !== undefined);
  if (either.length === 0) throw new Error(`no sentence is called ${key}`);
  return new RegExp(`^\\s*(?:${either.map(pattern).join("|")})\\s*$`, "su");
}

const plain = (text) => text.replaceAll(/\s+/gu, " ").trim();

/** Whether a text says a sentence, whatever stands in its places: all its parts, one after the other. */
function isIn(text, sentence) {
  let from = 0;
  for (const part of sentence.split(/\{\{[^}]*\}\}/u)) {
    const at = text.indexOf(plain(part), from);
    if (at < 0) return false;
    from = at + plain(part).length;
  }
  return true;
}

/** So much of a sentence is in no other one by chance. */
const TELLING = 12;
const longest = (sentence) => Math.max(...sentence.split(/\{\{[^}]*\}\}/u).map((part) => plain(part).length));

/** What the names of the gallery's sites, documents and columns of lists say as well, in whatever language. */
const IN_DATA = new Set(["directory.level.central", "audience.level_central", "directory.column.contact_phone", "schedule.view_list", "audience.paste_label", "reply.agenda", "booking.agenda"]);
/** What may stand in a letter is called by the words that letters and lists use for it, in whatever language those are. */
const isInData = (key) => key.startsWith("letter.name.") || IN_DATA.has(key);

/** What a page in `language`, of which these are all texts and names, says in another language, or by nothing but a key. */
export function strangers(texts, language) {
  const single = new Set(texts.map(plain));
  const together = [...single].join("\n");
  const found = [...spoken.get(language).keys()].filter((key) => single.has(key));
  for (const [other, sentences] of spoken) {
    if (other === language) continue;
    for (const [key, sentence] of sentences) {
      // Each language is named in itself, on every page.
      if (key.startsWith("language.") || isInData(key) || spoken.get(language).get(key) === sentence) continue;
      if (single.has(plain(sentence)) || (longest(sentence) >= TELLING && isIn(together, sentence))) found.push(`${key} in ${other}`);
    }
  }
  return [...new Set(found)].map((what) => `says ${what}`);
}

/** Keeps count of what has been shown. */
export class Shown {
  #seen = new Set();

  /** `text` is everything that a page says, names of buttons included. */
  add(text, language) {
    const said = plain(text);
    for (const [key, sentence] of spoken.get(language)) {
      const id = `${language} ${key}`;
      if (!this.#seen.has(id) && isIn(said, sentence)) this.#seen.add(id);
    }
  }

  /** Whether a sentence has been shown, or there is none of this key. */
  has(language, key) {
    return this.#seen.has(`${language} ${key}`) || !spoken.get(language).has(key);
  }

  /** The keys of what has not been shown, but for those that are known not to be. */
  missing(language, known) {
    return [...spoken.get(language).keys()].filter((key) => !this.has(language, key) && !Object.hasOwn(known, key));
  }
}
