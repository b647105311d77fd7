// Be Vietnam Pro, drawn for Vietnamese, without the letters of other languages (`npm run fonts`). It is a third of all
// that a first visit fetches, and everything can be read and pressed without it: it comes last, a file at a time.

import latin400 from "./fonts/be-vietnam-pro-latin-400-normal.woff2";
import latin600 from "./fonts/be-vietnam-pro-latin-600-normal.woff2";
import vietnamese400 from "./fonts/be-vietnam-pro-vietnamese-400-normal.woff2";
import vietnamese600 from "./fonts/be-vietnam-pro-vietnamese-600-normal.woff2";

const FAMILY = "Be Vietnam Pro";

const VIETNAMESE =
  "U+0102-0103, U+0110-0111, U+0128-0129, U+0168-0169, U+01A0-01A1, U+01AF-01B0, U+0300-0301, U+0303-0304, " +
  "U+0308-0309, U+0323, U+0329, U+1EA0-1EF9, U+20AB";
const LATIN =
  "U+0000-00FF, U+0131, U+0152-0153, U+02BB-02BC, U+02C6, U+02DA, U+02DC, U+2000-206F, U+20AC, U+2122, U+2191, " +
  "U+2193, U+2212, U+2215, U+FEFF, U+FFFD";

const FACES = [
  { url: latin400, weight: "400", unicodeRange: LATIN },
  { url: vietnamese400, weight: "400", unicodeRange: VIETNAMESE },
  { url: latin600, weight: "600", unicodeRange: LATIN },
  { url: vietnamese600, weight: "600", unicodeRange: VIETNAMESE },
] as const;

/**
 * Fetches the letters, each when the line is `free`, and has the page written in them, all at once: half of them beside
 * others would be ugly.
 */
export async function fetchFonts(free: () => Promise<void>): Promise<void> {
  const faces: FontFace[] = [];
  try {
    for (const { url, ...which } of FACES) {
      await free();
      faces.push(await new FontFace(FAMILY, `url("${url}")`, which).load());
    }
  } catch {
    // The system's letters stay.
    return;
  }
  for (const face of faces) document.fonts.add(face);
}
