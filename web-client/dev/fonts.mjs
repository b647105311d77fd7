// Makes src/ui/fonts: of each font what Vietnamese and English are written with, a quarter less to fetch.
// node dev/fonts.mjs

import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import subsetFont from "subset-font";

const { resolve } = createRequire(import.meta.url);
const TARGET = new URL("../src/ui/fonts/", import.meta.url);

const range = (first, last) => String.fromCodePoint(...Array.from({ length: last - first + 1 }, (_, at) => first + at));

/** By part of the font. Letters, digits and punctuation; accents also where they stand by themselves. */
const LETTERS = {
  latin: `${range(0x20, 0x7e)}\u00a0§«°±·»×ÀÁÂÃÈÉÊÌÍÒÓÔÕÙÚÝàáâãèéêìíòóôõùúý–—‘’‚“”„†•…‹›€™←↑→↓−`,
  vietnamese: `ĂăĐđĨĩŨũƠơƯư₫${range(0x1ea0, 0x1ef9)}\u0300\u0301\u0303\u0309\u0323`,
};

for (const [part, letters] of Object.entries(LETTERS)) {
  for (const weight of [400, 600]) {
    const name = `be-vietnam-pro-${part}-${weight}-normal.woff2`;
    const whole = readFileSync(resolve(`@fontsource/be-vietnam-pro/files/${name}`));
    writeFileSync(new URL(name, TARGET), await subsetFont(whole, letters, { targetFormat: "woff2" }));
  }
}
