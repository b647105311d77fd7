import { beforeEach, describe, expect, it } from "vitest";
import { PathWatch, type Remedy, type Sight } from "../src/pathwatch.ts";

let watch: PathWatch;
let now: number;
let received: number;

beforeEach(() => {
  watch = new PathWatch();
  now = 1_000_000;
  received = 1;
});

/** Looks four times a second for so long; when something was to be done, in milliseconds from the start. */
function remedies(remedy: Remedy, seconds: number, sight: Partial<Sight> & { flows?: boolean }): number[] {
  const { flows = false, ...rest } = sight;
  const start = now;
  const times: number[] = [];
  for (; now < start + seconds * 1_000; now += 250) {
    if (flows) received += 100;
    const done = watch.look(now, { state: "connected", protocol: "udp", ...rest, received });
    if (done === "ask") continue;
    if (done === remedy) times.push(now - start);
    else expect(done).toBeNull();
  }
  return times;
}

describe("a way", () => {
  it("on which something arrives is left alone", () => {
    expect(remedies("fresh", 600, { flows: true })).toEqual([]);
  });

  it("on which nothing arrives any more is renewed, ever less often until something does", () => {
    remedies("fresh", 5, { flows: true });
    expect(remedies("fresh", 60, {})).toEqual([1_000, 3_000, 7_000, 15_000, 30_000, 45_000]);
    remedies("fresh", 5, { flows: true });
    expect(remedies("fresh", 3, {})).toEqual([1_000]);
  });

  it("that does not come about within eight seconds is blocked until it does", () => {
    const blocked = () => [0, 7_750, 8_000].map((wait) => (watch.look(now + wait, connecting), watch.isBlocked(now + wait)));
    const connecting = { state: "connecting", protocol: null, received: 0 } as const;
    expect(blocked()).toEqual([false, false, true]);
    watch.renewed();
    expect(watch.isBlocked(now + 9_000)).toBe(true);
    watch.look(now + 9_000, { state: "connected", protocol: "udp", received: 1 });
    expect(watch.isBlocked(now + 30_000)).toBe(false);
  });

  it("is not called blocked while the server cannot be reached at all", () => {
    watch.look(now, { state: "connecting", protocol: null, received: 0 });
    watch.suspend();
    expect(watch.isBlocked(now + 60_000)).toBe(false);
  });

  it("that falls silent is first asked about, once", () => {
    remedies("fresh", 5, { flows: true });
    const sight = { state: "connected", protocol: "udp", received } as const;
    expect([250, 500, 750, 1_000].map((wait) => watch.look(now - 250 + wait, sight))).toEqual([null, "ask", null, null]);
  });

  it("that flowed is asked about at the second look without anything, and a trickle a little later", () => {
    remedies("fresh", 5, { flows: true });
    const silent = { state: "connected", protocol: "udp", received } as const;
    expect([150, 400].map((wait) => watch.look(now - 250 + wait, silent))).toEqual([null, "ask"]);
    watch = new PathWatch();
    watch.look(now, { ...silent, received: 1 });
    watch.look(now + 250, { ...silent, received: 1 });
    watch.look(now + 400, { ...silent, received: 2 });
    expect([400, 500].map((wait) => watch.look(now + 400 + wait, { ...silent, received: 2 }))).toEqual([null, "ask"]);
  });

  it("of UDP on which much came is given up sooner where the server has answered meanwhile", () => {
    const silent = (answers: boolean, protocol: "udp" | "tcp", flow: number) => {
      watch = new PathWatch();
      remedies("fresh", flow, { flows: true, protocol });
      const sight = { state: "connected", protocol, received } as const;
      const start = now;
      for (; ; now += 250) {
        const remedy = watch.look(now, sight);
        if (remedy === "ask" && answers) watch.answered();
        if (remedy === "fresh") return now - start;
      }
    };
    expect(silent(true, "udp", 5)).toBe(750);
    expect(silent(false, "udp", 5)).toBe(1_000);
    expect(silent(true, "tcp", 5)).toBe(1_000);
    expect(silent(true, "udp", 0.5)).toBe(1_000);
    watch.answered();
    remedies("fresh", 5, { flows: true });
    expect(remedies("fresh", 2, {})).toEqual([1_000]);
  });

  it("of a fresh connection is broken until something comes on it", () => {
    remedies("fresh", 5, { flows: true });
    expect(remedies("fresh", 2, {})).toEqual([1_000]);
    watch.renewed();
    received = 0;
    expect(remedies("fresh", 4, { state: "connecting", protocol: null })).toEqual([1_000]);
    watch.renewed();
    expect(remedies("fresh", 20, { flows: true })).toEqual([]);
  });

  it("that does not come about is tried anew, and not judged by its silence", () => {
    received = 0;
    expect(remedies("fresh", 16, { state: "connecting", protocol: null })).toEqual([15_000]);
    watch.renewed();
    expect(remedies("fresh", 16, { state: "connecting", protocol: null })).toEqual([15_000]);
  });

  it("that the browser calls disconnected is renewed after a second, and one that failed at once", () => {
    expect(remedies("fresh", 10, { state: "disconnected", flows: true })).toEqual([1_000, 3_000, 7_000]);
    watch = new PathWatch();
    expect(remedies("fresh", 0.5, { state: "failed" })).toEqual([0]);
  });

  it("of a network that is said to have changed is renewed without waiting longer", () => {
    remedies("fresh", 5, { flows: true });
    remedies("fresh", 20, {});
    watch.begin();
    expect(remedies("fresh", 2, {})).toEqual([0]);
  });
});

describe("a way over TCP", () => {
  it("that was over UDP before tries to get back, ever less often", () => {
    remedies("restart", 30, { flows: true });
    expect(remedies("restart", 160, { flows: true, protocol: "tcp" })).toEqual([10_000, 20_000, 40_000, 80_000]);
  });

  it("that never was over UDP looks for it seldom", () => {
    const times = [60_000, 120_000, 240_000, 480_000, 780_000];
    expect(remedies("restart", 1_000, { flows: true, protocol: "tcp" })).toEqual(times);
  });

  it("begins anew after a long time over UDP, and after a change of the network", () => {
    remedies("restart", 30, { flows: true });
    remedies("restart", 100, { flows: true, protocol: "tcp" });
    remedies("restart", 70, { flows: true });
    expect(remedies("restart", 12, { flows: true, protocol: "tcp" })).toEqual([10_000]);
    remedies("restart", 100, { flows: true, protocol: "tcp" });
    watch.begin();
    expect(remedies("restart", 5, { flows: true, protocol: "tcp" })).toEqual([0]);
  });
});
