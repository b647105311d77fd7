import { describe, expect, it } from "vitest";
import { type Effort, effortIn, limitsOf, MachineWatch, onlyPlace, playsSmoothly } from "../src/machine.ts";

const STILL: Effort = { framesDecoded: 0, framesDropped: 0, isEncoderShort: false, longTasksMs: 0 };

/** Looks every two seconds; `step` says what each adds. */
function watch(looks: number, step: (look: number) => Partial<Effort>): boolean {
  const machine = new MachineWatch();
  let effort = STILL;
  machine.look(0, effort);
  for (let look = 1; look <= looks; look++) {
    const { framesDecoded = 60, framesDropped = 0, isEncoderShort = false, longTasksMs = 0 } = step(look);
    effort = {
      framesDecoded: effort.framesDecoded + framesDecoded,
      framesDropped: effort.framesDropped + framesDropped,
      isEncoderShort,
      longTasksMs: effort.longTasksMs + longTasksMs,
    };
    machine.look(look * 2_000, effort);
  }
  return machine.isShort;
}

describe("a machine", () => {
  it("that keeps up is not short of time, nor one that has a bad moment", () => {
    expect(watch(100, () => ({ framesDropped: 2, longTasksMs: 300 }))).toBe(false);
    expect(watch(100, (look) => (look % 10 < 4 ? { framesDropped: 60, longTasksMs: 1_900 } : {}))).toBe(false);
  });

  it.each([
    ["drops frames", { framesDecoded: 40, framesDropped: 20 }],
    ["is busy all the time", { longTasksMs: 1_000 }],
    ["cannot encode what its camera gives", { isEncoderShort: true }],
  ])("that %s is short of it within some seconds, and stays so", (_, step) => {
    expect(watch(4, () => step)).toBe(false);
    expect(watch(5, () => step)).toBe(true);
    expect(watch(60, (look) => (look < 10 ? step : {}))).toBe(true);
  });

  it("says so by itself where the browser knows, and never where it does not", async () => {
    const knows = (smooth: boolean) => ({ decodingInfo: () => Promise.resolve({ smooth }) }) as unknown as MediaCapabilities;
    expect(await playsSmoothly(knows(false))).toBe(false);
    expect(await playsSmoothly(knows(true))).toBe(true);
    expect(await playsSmoothly(undefined)).toBe(true);
    const old = { decodingInfo: () => Promise.reject(new TypeError("webrtc is not a MediaDecodingType")) };
    expect(await playsSmoothly(old as unknown as MediaCapabilities)).toBe(true);
  });
});

it("adds up the pictures of a report", () => {
  const report = new Map<string, unknown>([
    ["a", { type: "inbound-rtp", kind: "video", framesDecoded: 10, framesDropped: 2 }],
    ["b", { type: "inbound-rtp", kind: "video", framesDecoded: 5 }],
    ["c", { type: "outbound-rtp", qualityLimitationReason: "cpu" }],
  ]);
  expect(effortIn(report, 70)).toEqual({ framesDecoded: 15, framesDropped: 2, isEncoderShort: true, longTasksMs: 70 });
});

describe("one picture", () => {
  const slots = [
    { mid: "3", feed: "audio" },
    { mid: "6", feed: "stage.main" },
    { mid: "7", feed: "stage.second" },
    { mid: "8", feed: "stage.screen" },
    { mid: "9", feed: null },
  ];
  it("is the screen that is shared, else whoever speaks, else the main one", () => {
    const shown = (participant: string | null) =>
      participant === null ? null : ({ participant, site: null, name: "", source: "camera" } as const);
    const only = (main: string | null, second: string | null, screen: string | null, speaks: string | null) => {
      const stage = { main: shown(main), second: shown(second), screen: shown(screen), speakers: [] };
      const holder = speaks === null ? null : { participant: speaks, site: null, name: "", since: "" };
      const me = { participant: "ME", role: "site", site: null } as const;
      return onlyPlace({ stage, floor: { holder, waiting: 0, queue: [] }, me });
    };
    expect(only("HALL", "SITE", "HALL", "SITE")).toBe("screen");
    expect(only("HALL", "SITE", null, "SITE")).toBe("second");
    expect(only("HALL", "SITE", null, null)).toBe("main");
    expect(only("HALL", "ME", null, "ME")).toBe("main");
    expect(only("ME", "SITE", null, null)).toBe("second");
    expect(only(null, null, null, null)).toBe("main");
  });

  it("is all that is asked for, and not larger than 360 lines", () => {
    expect(limitsOf("main", slots)).toEqual({ 6: 2, 7: 0, 8: 0 });
    expect(limitsOf("screen", slots)).toEqual({ 6: 0, 7: 0, 8: 2 });
    expect(limitsOf(null, slots)).toEqual({});
  });
});
