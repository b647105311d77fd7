// What has changed since the pictures of an earlier run in the same directory: told, not judged.

import { existsSync, readFileSync, writeFileSync } from "node:fs";

/** Less than this share of the pixels is a clock or an edge. */
const NOTICED = 0.002;
/** More than so many are not listed one by one. */
const LISTED = 60;

/** Runs in a page: the share of pixels that differ. */
async function compare([before, after]) {
  const [one, other] = await Promise.all(
    [before, after].map(async (data) => {
      const picture = await createImageBitmap(await (await fetch(`data:image/jpeg;base64,${data}`)).blob());
      const pen = new OffscreenCanvas(picture.width, picture.height).getContext("2d");
      pen.drawImage(picture, 0, 0);
      return pen.getImageData(0, 0, picture.width, picture.height);
    }),
  );
  if (one.width !== other.width || one.height !== other.height) return 1;
  let count = 0;
  for (let at = 0; at < one.data.length; at += 4) {
    const most = Math.max(...[0, 1, 2].map((part) => Math.abs(one.data[at + part] - other.data[at + part])));
    if (most > 32) count += 1;
  }
  return count / (one.width * one.height);
}

export class Differences {
  #directory;
  #changed = [];

  constructor(directory) {
    this.#directory = directory;
  }

  /** Keeps a picture in place of the former one. */
  take(file, picture) {
    const path = `${this.#directory}/${file}`;
    const before = existsSync(path) ? readFileSync(path) : null;
    writeFileSync(path, picture);
    if (before !== null && !before.equals(picture)) this.#changed.push([file, before, picture]);
  }

  async print(browser) {
    if (this.#changed.length === 0) return;
    const page = await browser.newPage();
    const shares = [];
    for (const [file, before, after] of this.#changed) {
      const share = await page.evaluate(compare, [before.toString("base64"), after.toString("base64")]);
      if (share > NOTICED) shares.push([file, share]);
    }
    shares.sort(([, a], [, b]) => b - a);
    for (const [file, share] of shares.slice(0, LISTED)) console.log(`changed: ${file} (${(100 * share).toFixed(1)} %)`);
    if (shares.length > LISTED) console.log(`changed: and ${shares.length - LISTED} more`);
    await page.close();
  }
}
