// What a telephone's camera reads of something that a page shows.

import jsQR from "jsqr";
import { PNG } from "pngjs";

/** The words of the QR code that is to be seen there; `null` if none is read. */
export async function readCode(locator) {
  const { data, width, height } = PNG.sync.read(await locator.screenshot({ animations: "disabled" }));
  return jsQR(new Uint8ClampedArray(data), width, height)?.data ?? null;
}
