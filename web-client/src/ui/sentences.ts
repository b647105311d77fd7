// What is said in one language: finds a sentence by its key and fills in what it speaks of. The files of `locales` are
// written as those of i18next; of that this is as much as our sentences need, and half a second of a narrow line smaller.

import type office from "../locales/office/vi.json";
import type vi from "../locales/vi.json";

/** Sentences by their keys, in groups. */
export interface Messages {
  readonly [key: string]: string | Messages;
}

/** What a sentence speaks of, by the names that are in braces there. */
export type Values = object;

type PluralForm = "zero" | "one" | "two" | "few" | "many" | "other";
type Leaf<Messages, Before extends string = ""> = {
  [Name in keyof Messages & string]: Messages[Name] extends string
    ? `${Before}${Name}`
    : Leaf<Messages[Name], `${Before}${Name}.`>;
}[keyof Messages & string];
type Counted<Name extends string> = Name extends `${infer Stem}_${PluralForm}` ? Stem : Name;

/** The key of a sentence: an unknown one is a compile error. */
export type Key = Counted<Leaf<typeof vi> | Leaf<typeof office>>;

/** `{{name}}`, or `{{name, number}}` for a number as people write it. */
const PLACE = /\{\{(\w+)(, number)?\}\}/gu;

export class Sentences {
  readonly #byKey = new Map<string, string>();
  readonly #language: string;
  // Not before something is counted: a slow phone takes a tenth of a second for both, and first pages count nothing.
  #plurals: Intl.PluralRules | null = null;
  #numbers: Intl.NumberFormat | null = null;

  constructor(language: string, messages: Messages) {
    this.#language = language;
    this.add(messages);
  }

  add(messages: Messages, before = ""): void {
    for (const [name, said] of Object.entries(messages)) {
      if (typeof said === "string") this.#byKey.set(before + name, said);
      else this.add(said, `${before}${name}.`);
    }
  }

  has(key: string): boolean {
    return this.#byKey.has(key);
  }

  /** The sentence, in the form for `values.count` where there are several; `null` if there is none. */
  say(key: string, values: Values = {}): string | null {
    const known = new Map<string, unknown>(Object.entries(values));
    const count = known.get("count");
    const counted = typeof count === "number" ? this.#byKey.get(`${key}_${this.#formOf(count)}`) : undefined;
    const sentence = counted ?? this.#byKey.get(key);
    if (sentence === undefined) return null;
    return sentence.replace(PLACE, (_, name: string, format?: string) => this.#written(known.get(name), format !== undefined));
  }

  #formOf(count: number): string {
    this.#plurals ??= new Intl.PluralRules(this.#language);
    return this.#plurals.select(count);
  }

  #written(value: unknown, isNumber: boolean): string {
    if (typeof value === "number" && isNumber) {
      this.#numbers ??= new Intl.NumberFormat(this.#language);
      return this.#numbers.format(value);
    }
    return typeof value === "number" || typeof value === "string" ? String(value) : "";
  }
}
