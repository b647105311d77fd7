// Sentences of the page by their keys: found in a language, and which of all no picture has shown.

import { readFileSync } from "node:fs";

const locale = (language) => JSON.parse(readFileSync(new URL(`../../src/locales/${language}.json`, import.meta.url), "utf8"));

function flat(node, path = "") {
  return Object.entries(node).flatMap(([name, value]) => {
    const key = path === "" ? name : `${path}.${name}`;
    return typeof value === "string" ? [[key, value]] : flat(value, key);
  });
}

const words = new Map();

/** Every sentence of a language, by key. */
function sentences(language) {
  if (!words.has(language)) words.set(language, new Map(flat(locale(language))));
  return words.get(language);
}

/** Quotation marks are anything: what selects by words takes them for its own. */
const escape = (text) => text.replace(/[.*+?^${}()|[\]\\]/gu, "\\$&").replace(/["'\x60]/gu, ".");

/** What a sentence looks like on the page, whatever stands in its places. */
function pattern(sentence) {
  return sentence.split(/\{\{[^}]*\}\}/u).map(escape).join(".+?").replaceAll(" ", "\\s+");
}

/** The sentence of `key` as a whole, in any of the languages. */
export function said(key) {
  const either = ["vi", "en"].map((language) => sentences(language).get(key));
  if (either.includes(undefined)) throw new Error(`no sentence is called ${key}`);
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

/** Keeps count of what has been shown. */
export class Shown {
  #seen = new Set();

  /** `text` is everything that a page says, names of buttons included. */
  add(text, language) {
    const said = plain(text);
    for (const [key, sentence] of sentences(language)) {
      const id = `${language} ${key}`;
      if (!this.#seen.has(id) && isIn(said, sentence)) this.#seen.add(id);
    }
  }

  /** Whether a sentence has been shown, or there is none of this key. */
  has(language, key) {
    return this.#seen.has(`${language} ${key}`) || !sentences(language).has(key);
  }

  /** The keys of what has not been shown, but for those that are known not to be. */
  missing(language, known) {
    return [...sentences(language).keys()].filter((key) => !this.has(language, key) && !Object.hasOwn(known, key));
  }
}
