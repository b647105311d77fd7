import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Doors, LineCheck, PATIENCE_MS, type Progress, UNREACHED_PATIENCE_MS } from "../src/linecheck/check.ts";
import { type Begun, type Measured, type Means, type Outcome, readBegun, readOutcome, SERVER_FULL, type Unreached, unreached, UNREACHED_CODES } from "../src/linecheck/contract.ts";
import type { Figures } from "../src/linecheck/figures.ts";
import { stateOf, STEPS } from "../src/linecheck/steps.ts";

const BEGUN: Begun = { id: "secret", time: 0, iceServers: [{ urls: "turns:hop.example.vn" }], maxKilobitsPerSecond: 2_500, certificateEndsAt: null };
const NO_ANSWER = unreached("noAnswer");
const GOOD: Outcome = { cause: "allGood", colour: "green", reference: "G1-K7QM", steps: [] };
const FIGURES: Figures = {
  upKilobitsPerSecond: 1_900,
  downKilobitsPerSecond: 1_800,
  roundTripMs: 20,
  jitterMs: 3,
  lossUpPercent: 0,
  lossDownPercent: 0,
  decodes: true,
  framesPerSecond: 25,
  framesReceivedPerSecond: 25,
};

/** A way that knows whether it was closed. */
class FakeWay {
  isClosed = false;

  close(): void {
    this.isClosed = true;
  }
}

const never = <T>(): Promise<T> => new Promise(() => undefined);

/** Waits until it takes too long, as a blocked way does. */
const blocked = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("too long")), { once: true }));

let ways: Map<Means, FakeWay>;
let reports: Measured[];
let progress: Progress;
let life: AbortController;

function doors(part: Partial<Doors<FakeWay>> = {}): Doors<FakeWay> {
  return {
    begin: () => Promise.resolve(BEGUN),
    openWebSocket: () => Promise.resolve(true),
    open: (_, means) => {
      const way = new FakeWay();
      ways.set(means, way);
      return Promise.resolve(way);
    },
    know: () => Promise.resolve(),
    findUnreached: () => Promise.resolve("noAnswer"),
    openBeside: () => Promise.reject(new Error("no way")),
    measure: () => Promise.resolve(FIGURES),
    report: (_, measured) => {
      reports.push(measured);
      return Promise.resolve(GOOD);
    },
    machine: () => Promise.resolve({ hasWebRtc: true, isSecure: true, browser: "Chrome 156" }),
    now: () => Date.now(),
    ...part,
  };
}

function made(part: Partial<Doors<FakeWay>> = {}): LineCheck<FakeWay> {
  return new LineCheck(doors(part), (next) => (progress = next), life.signal);
}

beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
  ways = new Map();
  reports = [];
  life = new AbortController();
});
afterEach(() => void vi.useRealTimers());

describe("a check", () => {
  it("tells the server what was measured, and shows what the server says", async () => {
    await made().run();
    expect(progress).toMatchObject({ phase: "over", outcome: GOOD });
    expect(reports).toEqual([
      { hasWebRtc: true, isSecure: true, browser: "Chrome 156", clockOffsetMs: 0, webSocket: true, udp: true, tcp: true, turn: true, means: "udp", ...FIGURES },
    ]);
  });

  it("measures over the best way that passes, and leaves none open", async () => {
    const measured: Means[] = [];
    await made({
      open: (begun, means, signal) => (means === "udp" ? Promise.reject(new Error("no way")) : doors().open(begun, means, signal)),
      measure: (_, means, way) => {
        measured.push(means);
        expect(way.isClosed).toBe(false);
        return Promise.resolve(FIGURES);
      },
    }).run();
    expect(measured).toEqual(["tcp"]);
    expect(reports[0]).toMatchObject({ udp: false, tcp: true, turn: true, means: "tcp" });
    expect([...ways.values()].map(({ isClosed }) => isClosed)).toEqual([true, true]);
  });

  it("looks for the server where this page is, once UDP leads nowhere where it says that it is", async () => {
    const beside = new FakeWay();
    const open: Doors<FakeWay>["open"] = (begun, means, signal) => (means === "udp" ? blocked(signal) : doors().open(begun, means, signal));
    const run = made({ open, openBeside: () => Promise.resolve(beside) }).run();
    await vi.advanceTimersByTimeAsync(PATIENCE_MS);
    await run;
    expect(reports[0]).toMatchObject({ udp: false, beside: true });
    expect(beside.isClosed).toBe(true);
    await made().run();
    expect(reports[1]).not.toHaveProperty("beside");
  });

  it("waits for all ways at the same time, and not for ever", async () => {
    const run = made({ open: (_, __, signal) => blocked(signal), openWebSocket: blocked }).run();
    await vi.advanceTimersByTimeAsync(PATIENCE_MS);
    await run;
    expect(reports[0]).toMatchObject({ webSocket: false, udp: false, tcp: false, turn: false });
    expect(reports[0]).not.toHaveProperty("means");
  });

  it("says nothing of a way that the server does not offer", async () => {
    const open: Doors<FakeWay>["open"] = (begun, means, signal) => (means === "tcp" ? Promise.resolve("notOffered") : doors().open(begun, means, signal));
    await made({ open, begin: () => Promise.resolve({ ...BEGUN, iceServers: [] }) }).run();
    expect(reports[0]).toMatchObject({ udp: true });
    expect(reports[0]).not.toHaveProperty("tcp");
    expect(reports[0]).not.toHaveProperty("turn");
  });

  it("tries no way in a browser that has none", async () => {
    await made({ machine: () => Promise.resolve({ hasWebRtc: false }) }).run();
    expect(ways.size).toBe(0);
    expect(reports[0]).not.toHaveProperty("udp");
  });

  it("finds the clock by half the time that the answer took", async () => {
    const begin = async (): Promise<Begun> => {
      await vi.advanceTimersByTimeAsync(400);
      return { ...BEGUN, time: 60_200 };
    };
    await made({ begin }).run();
    expect(reports[0]?.clockOffsetMs).toBe(-60_000);
  });

  it("says itself that there is no answer, at once and within its patience", async () => {
    await made({ begin: () => Promise.resolve("noAnswer") }).run();
    expect(progress.outcome).toEqual(NO_ANSWER);
    const run = made({ begin: blocked, findUnreached: never }).run();
    await vi.advanceTimersByTimeAsync(PATIENCE_MS + UNREACHED_PATIENCE_MS);
    await run;
    expect(progress.outcome).toEqual(NO_ANSWER);
  });

  it("finds out itself why there is no answer", async () => {
    await made({ begin: () => Promise.resolve("noAnswer"), findUnreached: () => Promise.resolve("nameUnknown") }).run();
    expect(progress.outcome).toMatchObject({ cause: "nameUnknown", colour: "red", reference: "N1" });
  });

  it("keeps what is wanted where there is no answer, before the line is measured and whether or not that succeeds", async () => {
    const done: string[] = [];
    const know = (): Promise<void> => {
      done.push("known");
      return Promise.reject(new Error("no room"));
    };
    const measure = (): Promise<Figures> => {
      done.push("measured");
      return Promise.resolve(FIGURES);
    };
    await made({ know, measure }).run();
    expect(done).toEqual(["known", "measured"]);
    expect(progress.outcome).toEqual(GOOD);
  });

  it("says itself that the server has no time", async () => {
    await made({ begin: () => Promise.resolve("busy") }).run();
    expect(progress.outcome).toEqual(SERVER_FULL);
  });

  it("says that there is no answer where the line breaks while it looks", async () => {
    await made({ report: () => Promise.resolve(null) }).run();
    expect(progress.outcome).toEqual(NO_ANSWER);
  });

  it("has what a person's act shows judged with the rest, whenever it comes", async () => {
    const check = made();
    await check.add({ camera: "works" });
    await check.run();
    await check.add({ microphone: "denied" });
    await check.add({ camera: "works", microphone: "denied" });
    expect(reports.map(({ camera, microphone }) => [camera, microphone])).toEqual([["works", undefined], ["works", "denied"]]);
  });

  it("sends what comes while the server judges once more", async () => {
    const check: LineCheck<FakeWay> = made({
      report: async (_, measured) => {
        reports.push(measured);
        if (reports.length === 1) await check.add({ camera: "busy" });
        return GOOD;
      },
    });
    await check.run();
    expect(reports.map(({ camera }) => camera)).toEqual([undefined, "busy"]);
  });

  it("keeps its outcome where a later report is not answered", async () => {
    let answers = 0;
    const check = made({ report: () => Promise.resolve(answers++ === 0 ? GOOD : null) });
    await check.run();
    await check.add({ camera: "works" });
    expect(progress.outcome).toEqual(GOOD);
  });

  it("that was given up changes nothing any more", async () => {
    const run = made({ openWebSocket: blocked, measure: never }).run();
    await vi.advanceTimersByTimeAsync(0);
    life.abort();
    const before = progress;
    await run;
    expect(progress).toBe(before);
    expect(reports).toEqual([]);
  });
});

describe("its steps", () => {
  const at = (part: Partial<Progress>) => Object.fromEntries(STEPS.map((step) => [step, stateOf({ phase: "over", measured: {}, outcome: null, ...part }, step)]));

  it("wait, run and are through one after the other", () => {
    expect(at({ phase: "reaching", measured: { browser: "Chrome 156" } })).toMatchObject({ browser: "measured", server: "running", udp: "waiting", rate: "waiting" });
    expect(at({ phase: "ways", measured: { clockOffsetMs: 3, udp: false } })).toMatchObject({ clock: "measured", udp: "measured", iceTcp: "running", rate: "waiting", devices: "waiting" });
    expect(at({ phase: "line" })).toMatchObject({ turns: "skipped", rate: "running", devices: "waiting" });
  });

  it("are as the server judges, the gravest of each, and of the rest what was not tried is said", () => {
    const steps = [{ step: "devices", colour: "green" }, { step: "devices", colour: "amber" }, { step: "udp", colour: "amber" }] as const;
    const outcome = { ...GOOD, steps };
    expect(at({ outcome, measured: { udp: false, tcp: true } })).toMatchObject({ devices: "amber", udp: "amber", iceTcp: "measured", turns: "skipped" });
  });

  it("of a server that does not answer say so", () => {
    expect(at({ outcome: NO_ANSWER })).toMatchObject({ server: "red", udp: "skipped" });
  });
});

describe("what the server says", () => {
  it("of a check that has begun is read", () => {
    const body = { id: "secret", code: "K7QM", time: "2026-11-26T09:45:00.123Z", iceServers: [{ urls: ["turns:hop"] }], maxKilobitsPerSecond: 900 };
    const begun = { id: "secret", time: Date.parse(body.time), iceServers: body.iceServers, maxKilobitsPerSecond: 900, certificateEndsAt: null };
    expect(readBegun(body)).toEqual(begun);
    expect(readBegun({ ...body, certificateEndsAt: "2026-12-01T00:00:00Z" })).toEqual({ ...begun, certificateEndsAt: Date.UTC(2026, 11, 1) });
    expect(readBegun({ id: "secret" })).toBeNull();
    expect(readBegun("<html>")).toBeNull();
  });

  it("of an outcome is read, with the code alone where it could not be kept", () => {
    const body = { cause: "udpBlocked", code: "U1", colour: "amber", step: "udp", call: "network", reference: "U1-K7QM", steps: [{ step: "udp", colour: "amber", cause: "udpBlocked" }, { step: "odd" }] };
    expect(readOutcome(body)).toEqual({ cause: "udpBlocked", colour: "amber", reference: "U1-K7QM", steps: [{ step: "udp", colour: "amber" }] });
    expect(readOutcome({ ...body, reference: null })?.reference).toBe("U1");
    expect(readOutcome({ ...body, colour: "blue" })).toBeNull();
  });

  it("beside the page's own outcomes is the same of them", () => {
    const table = JSON.parse(readFileSync(new URL("../../signaling/src/check/causes.json", import.meta.url), "utf8")) as { id: string; code: string; colour: string }[];
    for (const { cause, colour, reference } of [...(Object.keys(UNREACHED_CODES) as Unreached[]).map(unreached), SERVER_FULL]) {
      expect(table.find(({ id }) => id === cause)).toMatchObject({ code: reference, colour });
    }
  });

  it("has a sentence for each cause, and there are no others", () => {
    const read = (path: string): unknown => JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8"));
    const ids = (read("../../signaling/src/check/causes.json") as { id: string }[]).map(({ id }) => id);
    const { cause } = read("../src/locales/vi.json") as { cause: Record<string, string> };
    expect(Object.keys(cause).sort()).toEqual(ids.sort());
  });
});
