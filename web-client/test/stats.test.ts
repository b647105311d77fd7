import { describe, expect, it } from "vitest";
import { loudness } from "../src/level.ts";
import { compare, read, type Reading, wayOf } from "../src/stats.ts";

const START: Reading = {
  at: 1_000,
  framesDecoded: 100,
  packetsReceived: 1_000,
  packetsLost: 0,
  bytesReceived: 100_000,
  framesCaptured: new Map(),
  roundTripMs: 20,
  samples: 0,
  samplesConcealed: 0,
  samplesPlayed: 0,
  bufferedSeconds: 0,
  picture: null,
};

describe("a report", () => {
  it("is added up over everything received", () => {
    const report = new Map<string, unknown>([
      ["a", { type: "inbound-rtp", timestamp: 5_000, packetsReceived: 50, packetsLost: 1, bytesReceived: 4_000 }],
      ["b", { type: "inbound-rtp", timestamp: 5_000, packetsReceived: 70, framesDecoded: 30, bytesReceived: 9_000 }],
      ["c", { type: "outbound-rtp", bytesSent: 1 }],
      ["d", { type: "candidate-pair", nominated: true, currentRoundTripTime: 0.0314 }],
      ["e", { type: "candidate-pair", nominated: false, currentRoundTripTime: 9 }],
      ["f", { type: "media-source", kind: "video", trackIdentifier: "camera", frames: 25 }],
    ]);
    expect(read(report.entries())).toEqual({
      at: 5_000,
      framesDecoded: 30,
      packetsReceived: 120,
      packetsLost: 1,
      bytesReceived: 13_000,
      framesCaptured: new Map([["camera", 25]]),
      roundTripMs: 31,
      samples: 0,
      samplesConcealed: 0,
      samplesPlayed: 0,
      bufferedSeconds: 0,
      picture: null,
    });
  });

  it("of a browser that tells little is nothing, not an error", () => {
    expect(read(new Map([["x", {}]]).entries()).packetsReceived).toBe(0);
  });
});

describe("the line", () => {
  const after = (part: Partial<Reading>): Reading => ({ ...START, at: 3_000, packetsReceived: 1_100, ...part });

  it("is measured between two readings", () => {
    expect(compare(START, after({ framesDecoded: 150, bytesReceived: 350_000 }))).toEqual({
      framesPerSecond: 25,
      loss: 0,
      kbps: 1_000,
      roundTripMs: 20,
      grade: "good",
    });
  });

  it.each([
    [{ packetsLost: 5 }, "fair"],
    [{ packetsLost: 20 }, "poor"],
    [{ roundTripMs: 400 }, "fair"],
    [{ roundTripMs: 900 }, "poor"],
    [{ roundTripMs: null }, "good"],
  ] as const)("with %j is %s", (part, grade) => {
    expect(compare(START, after(part))?.grade).toBe(grade);
  });

  it("is unknown while no time has passed", () => {
    expect(compare(START, START)).toBeNull();
  });
});

describe("loudness", () => {
  it("goes from silence to full", () => {
    expect(loudness(new Float32Array(64))).toBe(0);
    expect(loudness(new Float32Array(64).fill(1))).toBe(1);
    const quiet = loudness(new Float32Array(64).fill(0.01));
    expect(quiet).toBeGreaterThan(0.3);
    expect(quiet).toBeLessThan(0.5);
  });
});

describe("the way", () => {
  const pair = (id: string, bytesReceived: number, more: object = {}) =>
    [id, { type: "candidate-pair", bytesReceived, localCandidateId: `local-${id}`, ...more }] as const;
  const local = (id: string, protocol: string) => [`local-${id}`, { type: "local-candidate", protocol }] as const;

  it("is what the transport has selected, and all that has come on any", () => {
    const report = [
      pair("a", 100),
      pair("b", 20),
      local("a", "udp"),
      local("b", "tcp"),
      ["t", { type: "transport", selectedCandidatePairId: "b" }] as const,
    ];
    expect(wayOf(report)).toEqual({ received: 120, protocol: "tcp" });
  });

  it("is what Firefox calls selected", () => {
    expect(wayOf([pair("a", 5, { selected: true }), local("a", "udp")])).toEqual({ received: 5, protocol: "udp" });
  });

  it("by a relay is what the relay is reached by", () => {
    const relayed = ["local-a", { type: "local-candidate", protocol: "udp", relayProtocol: "tls" }] as const;
    expect(wayOf([pair("a", 5, { selected: true }), relayed])).toEqual({ received: 5, protocol: "tcp" });
  });

  it("is unknown as long as there is none", () => {
    expect(wayOf([])).toEqual({ received: 0, protocol: null });
  });
});
