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

/** What the server takes for a code at all. */
const POSSIBLE = /^[\w.-]{1,16}$/u;

/** As a cell means it: without quotation marks, and without the apostrophe that keeps zeros. */
const cell = (text: string): string => text.trim().replace(/^"(.*)"$/su, "$1").replace(/^'/u, "").trim();

/** What may be meant by a code that has lost its zeros. */
function paddedOf(given: string): readonly string[] {
  return /^\d+$/u.test(given) ? [1, 2, 3, 4].map((zeros) => "0".repeat(zeros) + given) : [];
}

/** The code that is meant by one without its zeros; `null` if there is none, or several. */
function meantBy(given: string, known: ReadonlySet<string>): string | null {
  const padded = paddedOf(given).filter((code) => known.has(code));
  return padded.length === 1 ? (padded[0] ?? null) : null;
}

const linesOf = (text: string): readonly string[] => text.replace(/^\uFEFF/u, "").split(/\r\n|\r|\n/u);
const cellsOf = (line: string): readonly string[] => line.split(BETWEEN).map(cell).filter((text) => text !== "");
const wordsOf = (line: string): readonly string[] => line.split(/[\s;,|]+/u).map(cell).filter((text) => text !== "");

/** The code of a line: of its cells the first that somebody has, else the first that looks like one with a digit. */
function codeOf(line: string, known: ReadonlySet<string>): string | null {
  const cells = cellsOf(line);
  return cells.find((text) => known.has(text)) ?? cells.find((text) => CODE.test(text) && /\d/u.test(text)) ?? null;
}

/** Several codes in one line, as people write them: with commas or blanks between. */
function isListOfCodes(line: string, known: ReadonlySet<string>): boolean {
  const words = wordsOf(line);
  return words.length > 1 && words.every((word) => known.has(word) || /^\d+$/u.test(word));
}

/** What of a text may be a code: its cells, and the words of lines that have nothing but such words. */
function possibleIn(text: string): readonly string[] {
  const all = linesOf(text).flatMap((line) => {
    const words = wordsOf(line);
    return words.every((word) => POSSIBLE.test(word)) ? [...words, ...cellsOf(line)] : cellsOf(line);
  });
  return [...new Set(all)].filter((code) => POSSIBLE.test(code));
}

/** Reads a text; `which` says which of some codes are sites'. */
export async function resolvePasted(text: string, which: (codes: readonly string[]) => Promise<ReadonlySet<string>>): Promise<Pasted> {
  const known = await which(possibleIn(text));
  const { unknown } = readPasted(text, known);
  const meant = await which(unknown.flatMap(({ given }) => paddedOf(given)).filter((code) => POSSIBLE.test(code)));
  return readPasted(text, new Set([...known, ...meant]));
}

export function readPasted(text: string, known: ReadonlySet<string>): Pasted {
  const given = linesOf(text)
    .flatMap((line): readonly (string | null)[] => (isListOfCodes(line, known) ? wordsOf(line) : [codeOf(line, known)]))
    .filter((code): code is string => code !== null && code !== "");
  const single = [...new Set(given)];
  const unknown = single.filter((code) => !known.has(code)).map((code) => ({ given: code, meant: meantBy(code, known) }));
  return { codes: single.filter((code) => known.has(code)), unknown };
}

/** A list of codes in parts that are so long at most when they stand between commas. */
export function partsOf(codes: readonly string[], most: number): readonly (readonly string[])[] {
  const parts: string[][] = [];
  let room = 0;
  for (const code of codes) {
    if (parts.length === 0 || code.length + 1 > room) {
      parts.push([]);
      room = most + 1;
    }
    parts.at(-1)?.push(code);
    room -= code.length + 1;
  }
  return parts;
}
