import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ENDINGS, judge } from "../src/verdict.ts";

interface Row {
  readonly reason: string;
  readonly closeCode: number;
  readonly comeBack: "never" | "join" | "after";
  readonly seconds: number | null;
  readonly sentence: string | null;
}

const TABLE = JSON.parse(
  readFileSync(new URL("../../signaling/tests/golden/endings.json", import.meta.url), "utf8"),
) as readonly Row[];

describe("what an ending means", () => {
  it("is the same to the page as to the server", () => {
    const ours = Object.entries(ENDINGS).map(([reason, meaning]) => ({
      reason,
      closeCode: meaning.code,
      comeBack: meaning.comeBack,
      seconds: meaning.comeBack === "after" ? meaning.seconds : null,
      sentence: meaning.comeBack === "join" ? null : meaning.sentence,
    }));
    expect(ours).toEqual(TABLE);
  });

  it.each(TABLE)("of $reason is read from its close code alone, too", ({ closeCode, comeBack }) => {
    const next = { never: "over", join: "join", after: "wait" }[comeBack];
    expect(judge({ code: closeCode, reason: null, retryAfterSeconds: null }).next).toBe(next);
  });

  it("is a broken network when nobody has said anything, or something unknown", () => {
    const network = { next: "wait", reason: "network", seconds: null };
    expect(judge({ code: 1006, reason: null, retryAfterSeconds: null })).toEqual(network);
    expect(judge({ code: 4999, reason: "toString", retryAfterSeconds: null })).toEqual(network);
  });
});
