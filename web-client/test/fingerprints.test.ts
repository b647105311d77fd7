import { describe, expect, it } from "vitest";
import { difference, written } from "../dev/gallery/fingerprints.mjs";

const [COLUMNS, ROWS] = [32, 18];

/** A light page with a dark bar above, where each part may be changed. */
function picture(change: (mean: number, part: number) => number = (mean) => mean) {
  const means = Array.from({ length: COLUMNS * ROWS * 3 }, (_, index) => {
    const part = Math.floor(index / 3);
    return change(part < COLUMNS * 2 ? 30 : 240, part);
  });
  return { columns: COLUMNS, rows: ROWS, means };
}

describe("what a picture is remembered by", () => {
  it("is the same where letters have other edges", () => {
    const grain = picture((mean, part) => mean + ((part * 7) % 11) - 5);
    expect(difference(written(picture()), grain)).toBeNull();
  });

  it("tells a button that has another colour, and where it is", () => {
    const button = picture((mean, part) => (part === COLUMNS * 16 + 30 ? mean - 25 : mean));
    expect(difference(written(picture()), button)).toBe("0.2 % of it, most at the bottom right");
  });

  it("tells a picture of another shape", () => {
    expect(difference(written({ ...picture(), columns: 18, rows: 32 }), picture())).toBe("it has another shape");
  });

  it("takes a few hundred letters", () => {
    expect(written(picture()).length).toBeLessThan(300);
  });
});
