import { describe, expect, it } from "vitest";
import { bitratesFor, CAMERA_ENCODINGS, layersSent } from "../src/encodings.ts";

const kilobits = (width: number, height: number) => [...bitratesFor({ width, height }).values()].map((bits) => bits / 1_000);

describe("the layers of a camera", () => {
  it("are listed highest first, so that a small picture keeps its own size", () => {
    expect(CAMERA_ENCODINGS.map(({ rid, scaleResolutionDownBy }) => [rid, scaleResolutionDownBy])).toEqual([
      ["h", 1],
      ["m", 2],
      ["l", 4],
    ]);
  });

  it("get as many bits as their pixels are worth, and never more than their most", () => {
    expect(kilobits(1_280, 720)).toEqual([1_700, 500, 150]);
    expect(kilobits(960, 540)).toEqual([1_700, 500, 150]);
    expect(kilobits(640, 480)).toEqual([1_078, 323, 97]);
    expect(kilobits(640, 360)).toEqual([840, 251, 75]);
    expect(kilobits(320, 240)).toEqual([323, 97, 29]);
  });

  it("are the same whichever way the phone is held", () => {
    expect(kilobits(360, 640)).toEqual(kilobits(640, 360));
  });

  it("are sent from the lowest that a browser makes of the picture, as many as are looked at", () => {
    const sent = (width: number, height: number, wanted: number) => [...layersSent({ width, height }, wanted)].join("");
    expect([0, 1, 2, 3].map((wanted) => sent(1_280, 720, wanted))).toEqual(["", "l", "ml", "hml"]);
    expect([0, 1, 2, 3].map((wanted) => sent(640, 480, wanted))).toEqual(["", "m", "hm", "hml"]);
    expect([0, 1, 2, 3].map((wanted) => sent(320, 240, wanted))).toEqual(["", "h", "h", "hml"]);
  });
});
