import { describe, expect, it } from "vitest";
import { type ConferenceState, NOBODY } from "../src/conference.ts";
import { mattering } from "../src/leaving.ts";
import type { Role, Self } from "../src/protocol.ts";

function place(role: Role, self: Partial<Self> = {}): ConferenceState {
  return { ...NOBODY, me: { participant: "P", role, site: null }, self: { ...NOBODY.self, ...self } };
}

describe("leaving", () => {
  it.each([
    ["by the hall takes the picture from everybody", place("hall"), "hall"],
    ["by an operator leaves nobody at the desk", place("operator"), "moderator"],
    ["by a chair that speaks breaks off a speech", place("chair", { onStage: true }), "speaking"],
    ["by who speaks breaks off a speech", place("site", { floor: "holding" }), "speaking"],
    ["by who waits gives up a turn", place("site", { floor: "waiting" }), "waiting"],
    ["by who only watches is nobody's loss", place("site"), null],
    ["by an observer is nobody's loss", place("observer"), null],
  ] as const)("%s", (_, conference, loss) => {
    expect(mattering(conference)).toBe(loss);
  });

  it("after the end is nobody's loss", () => {
    const ended = { id: "C", title: "", state: "ended" } as const;
    expect(mattering({ ...place("hall"), conference: ended })).toBeNull();
  });
});
