// What each state looks like, in so few numbers that they are kept beside the code: a change is told, not judged. They are
// the mean colours of three hundred parts of a picture, in which the edges of another machine's letters vanish.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { deflateRawSync, inflateRawSync } from "node:zlib";

const REFERENCE = new URL("reference.json", import.meta.url);
/** About so many parts, as square as the picture lets them be. */
const PARTS = 300;
/** Colours are kept in steps of this many of 256. */
const STEP = 6;
/** A part looks different that is further off than this; without hinting and smoothing letters are off by 7. */
const NOTICED = 10;
/** More than so many are not listed one by one. */
const LISTED = 40;

/** Runs in a page: the mean colours of the parts of a picture, row by row. */
async function means([data, most]) {
  const whole = await (await fetch(`data:image/jpeg;base64,${data}`)).blob();
  const { width, height } = await createImageBitmap(whole);
  const side = Math.sqrt((width * height) / most);
  const [columns, rows] = [Math.round(width / side), Math.round(height / side)];
  const small = await createImageBitmap(whole, { resizeWidth: columns, resizeHeight: rows, resizeQuality: "medium" });
  const pen = new OffscreenCanvas(columns, rows).getContext("2d", { willReadFrequently: true });
  pen.drawImage(small, 0, 0);
  const { data: colours } = pen.getImageData(0, 0, columns, rows);
  return { columns, rows, means: [...colours].filter((_, at) => at % 4 !== 3) };
}

/** A fingerprint in letters. */
export function written({ columns, rows, means: colours }) {
  const bytes = Uint8Array.from([columns, rows, ...colours.map((mean) => Math.round(mean / STEP))]);
  return deflateRawSync(bytes, { level: 9 }).toString("base64");
}

function read(letters) {
  const [columns, rows, ...steps] = inflateRawSync(Buffer.from(letters, "base64"));
  return { columns, rows, means: steps.map((step) => step * STEP) };
}

const place = (at, count, names) => names[Math.min(2, Math.floor((at * 3) / count))];

/** How a picture differs from what is written of it, in words; `null` where it does not. */
export function difference(letters, now) {
  const before = read(letters);
  if (before.columns !== now.columns || before.rows !== now.rows) return "it has another shape";
  let [parts, worst, most] = [0, 0, 0];
  for (let part = 0; part < before.means.length / 3; part++) {
    const off = Math.max(...[0, 1, 2].map((colour) => Math.abs(before.means[part * 3 + colour] - now.means[part * 3 + colour])));
    if (off > NOTICED) parts += 1;
    if (off > most) [worst, most] = [part, off];
  }
  if (parts === 0) return null;
  const where = [place(Math.floor(worst / now.columns), now.rows, ["top", "middle", "bottom"]), place(worst % now.columns, now.columns, ["left", "centre", "right"])];
  const share = Math.max(0.1, (300 * parts) / before.means.length).toFixed(1);
  return `${share} % of it, most at the ${where.join(" ")}`;
}

/** The pictures of one run, held against the fingerprints that are kept. */
export class Fingerprints {
  #directory;
  #page;
  #kept = existsSync(REFERENCE) ? JSON.parse(readFileSync(REFERENCE, "utf8")) : {};
  #taken = new Map();
  #differences = [];

  /** @param page an empty one, in which pictures are read */
  constructor(directory, page) {
    this.#directory = directory;
    this.#page = page;
  }

  /** Puts a picture where a person may look at it. */
  async take(name, picture) {
    writeFileSync(`${this.#directory}/${name}`, picture);
    const now = await this.#page.evaluate(means, [picture.toString("base64"), PARTS]);
    this.#taken.set(name, written(now));
    const kept = this.#kept[name];
    const what = kept === undefined ? "there is none of it in the reference" : difference(kept, now);
    if (what !== null) this.#differences.push(`looks different: ${name}, ${what}`);
  }

  /** `isWhole`: every state was seen, and what was not seen is none any more. */
  print(_browser, isWhole) {
    const gone = isWhole ? Object.keys(this.#kept).filter((name) => !this.#taken.has(name)) : [];
    const told = [...this.#differences, ...gone.map((name) => `looks different: ${name}, it is in the reference alone`)];
    for (const what of told.slice(0, LISTED)) console.log(what);
    if (told.length > LISTED) console.log(`looks different: and ${told.length - LISTED} more`);
    if (told.length > 0) console.log("No fault; where this is meant, `make screens-reference` keeps it");
  }

  /** Makes what was seen the reference: all of it, or where only some states were asked for, their part. */
  keep(isWhole) {
    const all = { ...(isWhole ? {} : this.#kept), ...Object.fromEntries(this.#taken) };
    const sorted = Object.fromEntries(Object.entries(all).sort(([one], [other]) => (one < other ? -1 : 1)));
    writeFileSync(REFERENCE, `${JSON.stringify(sorted, null, 1)}\n`);
  }
}
