// The texts of letters as an office edits them: where a line stands, and what is put where; pure.

import type { components } from "./schema.d.ts";

type Schemas = components["schemas"];

/** A text of letters. */
export type Letter = Schemas["LetterShown"];
export type LetterKind = Schemas["LetterKind"];
export type LetterLanguage = Schemas["BookingLanguage"];

/** How a letter would be. */
export type LetterPreview = Schemas["LetterPreview"];

/** What is wrong with a text, and where. */
export type LetterProblem = Schemas["LetterProblem"];

export const LETTER_KINDS: readonly LetterKind[] = ["invitation", "change", "cancellation"];
export const LETTER_LANGUAGES: readonly LetterLanguage[] = ["vi", "en"];

/** What is being written. */
export interface LetterText {
  readonly subject: string;
  readonly body: string;
}

/** Part of a text: what stands from `start` up to `end`. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Which text an address names; the first where it names none. */
export function letterNamed(query: URLSearchParams): { kind: LetterKind; language: LetterLanguage } {
  const [kind, language] = [query.get("kind"), query.get("language")];
  return {
    kind: LETTER_KINDS.find((one) => one === kind) ?? "invitation",
    language: LETTER_LANGUAGES.find((one) => one === language) ?? "vi",
  };
}

/** Where a line stands in a text, from 1; the last for one that is not there. */
export function spanOfLine(text: string, line: number): Span {
  let start = 0;
  for (let passed = 1; passed < line; passed++) {
    const end = text.indexOf("\n", start);
    if (end === -1) break;
    start = end + 1;
  }
  const end = text.indexOf("\n", start);
  return { start, end: end === -1 ? text.length : end };
}

/** A text with a placeholder in the place of what was selected, and where one goes on writing. */
export function inserted(text: string, { start, end }: Span, name: string): { text: string; at: number } {
  const what = `{{ ${name} }}`;
  return { text: text.slice(0, start) + what + text.slice(end), at: start + what.length };
}

/** Whether two texts say the same. Ends of lines are those of whoever wrote them. */
export function isSame(one: LetterText, other: LetterText): boolean {
  const plain = (text: string): string => text.replaceAll("\r\n", "\n");
  return one.subject.trim() === other.subject.trim() && plain(one.body) === plain(other.body);
}
