import { describe, expect, it } from "vitest";
import { hearing, sentenceOf, wordOf } from "../src/line.ts";
import { read } from "../src/stats.ts";

/** A report of two voices and two pictures after so many seconds. */
function report(seconds: number, part: Readonly<Record<string, number>> = {}) {
  const sound = {
    type: "inbound-rtp",
    kind: "audio",
    timestamp: seconds * 1_000,
    totalSamplesReceived: 48_000 * seconds,
    jitterBufferEmittedCount: 48_000 * seconds,
    jitterBufferDelay: 48_000 * seconds * 0.1,
  };
  const picture = { type: "inbound-rtp", kind: "video", timestamp: seconds * 1_000, packetsReceived: 100 * seconds };
  return read([
    ["a", { ...sound, concealedSamples: 500, silentConcealedSamples: 500, ...part }],
    ["b", sound],
    ["c", { ...picture, frameWidth: 320, frameHeight: 180, framesDecoded: 15 * seconds }],
    ["d", { ...picture, frameWidth: 1_280, frameHeight: 720, framesDecoded: 30 * seconds, ...part }],
    ["e", { type: "candidate-pair", nominated: true, currentRoundTripTime: 0.08 }],
  ]);
}

describe("what a page says that it hears and sees", () => {
  it("is nothing missing and a short delay on a good line", () => {
    expect(hearing(report(10), report(15))).toEqual({
      concealedPermille: 0,
      frozenPermille: 0,
      delayMilliseconds: 140,
    });
  });

  it("counts the sound that was made up over all voices, but not made-up silence", () => {
    const after = report(15, { concealedSamples: 48_000 + 500, silentConcealedSamples: 500 });
    expect(hearing(report(10), after)?.concealedPermille).toBe(100);
  });

  it("counts freezes of the largest picture, and one that has not ended yet as all the time", () => {
    expect(hearing(report(10), report(15, { totalFreezesDuration: 0.5 }))?.frozenPermille).toBe(100);
    expect(hearing(report(10), report(15, { framesDecoded: 300 }))?.frozenPermille).toBe(1_000);
  });

  it("is nothing at all when no time has passed", () => {
    expect(hearing(report(10), report(10))).toBeNull();
  });
});

describe("the sentence about a weak line", () => {
  it.each([
    ["high", "good", null],
    ["middle", "fair", null],
    ["high", "poor", "link.poor"],
    ["low", "good", "link.rung_low"],
    ["lowThin", "poor", "link.rung_low"],
    ["stills", undefined, "link.rung_stills"],
    ["sound", "good", "link.rung_sound"],
    ["soundRedundant", "poor", "link.rung_sound"],
  ] as const)("on the rung %s with a line that is %s is %s", (rung, grade, sentence) => {
    expect(sentenceOf(rung, grade)).toBe(sentence);
  });
});

it("no word says that all is well while a sentence says that it is not", () => {
  for (const rung of ["high", "middle", "low", "lowThin", "stills", "sound", "soundRedundant"] as const) {
    for (const grade of ["good", "fair", "poor", undefined] as const) {
      const { tone } = wordOf(rung, grade);
      if (sentenceOf(rung, grade) !== null) expect(tone, `${rung} ${grade}`).not.toBe("good");
    }
  }
  expect(wordOf("high", "good")).toEqual({ tone: "good", words: "link.open" });
  expect(wordOf("low", "good")).toEqual({ tone: "warn", words: "link.poor_short" });
  expect(wordOf("sound", "good")).toEqual({ tone: "bad", words: "link.poor_short" });
});
