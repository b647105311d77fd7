// Codes of sites out of whatever somebody pastes: a column, lines, or a table of a spreadsheet. Pure.

/** What a code looks like. */
const CODE = /^[\p{L}\d][\p{L}\d._-]{0,31}$/u;
/** What separates: a table that is pasted has tabs, a file commas or semicolons. */
const BETWEEN = /[\t;,|]/u;

export interface Pasted {
  readonly codes: readonly string[];
  /** Codes that are nobody's, each with the one that may be meant: a spreadsheet eats zeros in front. */
  readonly unknown: readonly { readonly given: string; readonly meant: string | null }[];
}

/** As a cell means it: without quotation marks, and without the apostrophe that keeps zeros. */
const cell = (text: string): string => text.trim().replace(/^"(.*)"$/su, "$1").replace(/^'/u, "").trim();

/** The code that is meant by one without its zeros; `null` if there is none, or several. */
function meantBy(given: string, known: ReadonlySet<string>): string | null {
  if (!/^\d+$/u.test(given)) return null;
  const padded = [1, 2, 3, 4].map((zeros) => "0".repeat(zeros) + given).filter((code) => known.has(code));
  return padded.length === 1 ? (padded[0] ?? null) : null;
}

/** The code of a line: of its cells the first that somebody has, else the first that looks like one with a digit. */
function codeOf(line: string, known: ReadonlySet<string>): string | null {
  const cells = line.split(BETWEEN).map(cell).filter((text) => text !== "");
  return cells.find((text) => known.has(text)) ?? cells.find((text) => CODE.test(text) && /\d/u.test(text)) ?? null;
}

/** Several codes in one line, as people write them: with commas or blanks between. */
function isListOfCodes(line: string, known: ReadonlySet<string>): boolean {
  const words = line.split(/[\s;,|]+/u).map(cell).filter((text) => text !== "");
  return words.length > 1 && words.every((word) => known.has(word) || /^\d+$/u.test(word));
}

export function readPasted(text: string, known: ReadonlySet<string>): Pasted {
  const given = text
    .replace(/^\uFEFF/u, "")
    .split(/\r\n|\r|\n/u)
    .flatMap((line) => (isListOfCodes(line, known) ? line.split(/[\s;,|]+/u).map(cell) : [codeOf(line, known)]))
    .filter((code): code is string => code !== null && code !== "");
  const single = [...new Set(given)];
  const unknown = single.filter((code) => !known.has(code)).map((code) => ({ given: code, meant: meantBy(code, known) }));
  return { codes: single.filter((code) => known.has(code)), unknown };
}
