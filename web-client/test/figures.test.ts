import { describe, expect, it } from "vitest";
import { figuresOf, type Sample, sampleOf } from "../src/linecheck/figures.ts";

/** Samples of a line, one each half second; what it counts grows by `each` a second. */
function samples(seconds: number, each: Partial<Record<keyof Sample, number>>, fixed: Partial<Sample> = {}): Sample[] {
  return Array.from({ length: seconds * 2 + 1 }, (_, index) => {
    const grown = (field: keyof Sample): number => ((each[field] ?? 0) * index) / 2;
    return {
      at: 1_000 + index * 500,
      bytesSent: grown("bytesSent"),
      packetsSent: grown("packetsSent"),
      packetsLostUp: grown("packetsLostUp"),
      bytesReceived: grown("bytesReceived"),
      packetsReceived: grown("packetsReceived"),
      packetsLostDown: grown("packetsLostDown"),
      jitterMs: null,
      roundTripMs: null,
      framesReceived: grown("framesReceived"),
      framesDecoded: grown("framesDecoded"),
      ...fixed,
    };
  });
}

const LIGHT = samples(4, { packetsSent: 25, packetsReceived: 25 }, { jitterMs: 4, roundTripMs: 30 });
const FULL = samples(6, { bytesSent: 250_000, bytesReceived: 125_000, packetsSent: 200, framesReceived: 20, framesDecoded: 20 });

describe("the figures of a line", () => {
  it("are rates of the full load, and trips of the light one", () => {
    expect(figuresOf({ light: LIGHT, full: FULL })).toEqual({
      upKilobitsPerSecond: 2_000,
      downKilobitsPerSecond: 1_000,
      roundTripMs: 30,
      jitterMs: 4,
      lossUpPercent: 0,
      lossDownPercent: 0,
      decodes: true,
      framesPerSecond: 20,
      framesReceivedPerSecond: 20,
    });
  });

  it("are the best rate, not the mean of one that had to grow", () => {
    const slow = samples(3, { bytesSent: 10_000 });
    const last = slow.at(-1)?.bytesSent ?? 0;
    const quick = samples(3, { bytesSent: 100_000 }).map((sample) => ({ ...sample, at: sample.at + 3_500, bytesSent: sample.bytesSent + last }));
    expect(figuresOf({ light: LIGHT, full: [...slow, ...quick] })?.upKilobitsPerSecond).toBe(800);
  });

  it("count what is lost on the light load alone: a full one loses by itself", () => {
    const full = samples(6, { bytesSent: 250_000, packetsSent: 200, packetsLostUp: 100, packetsLostDown: 80, packetsReceived: 20 });
    expect(figuresOf({ light: LIGHT, full })).toMatchObject({ lossUpPercent: 0, lossDownPercent: 0, upKilobitsPerSecond: 1_000 });
    const light = samples(4, { packetsSent: 25, packetsLostUp: 5, packetsReceived: 18, packetsLostDown: 2 });
    expect(figuresOf({ light, full: FULL })).toMatchObject({ lossUpPercent: 20, lossDownPercent: 10 });
  });

  it("tell a slow decoder from a line that brings little", () => {
    const slow = samples(6, { framesReceived: 25, framesDecoded: 9 });
    expect(figuresOf({ light: LIGHT, full: slow })).toMatchObject({ decodes: true, framesPerSecond: 9, framesReceivedPerSecond: 25 });
    const none = samples(6, { framesReceived: 25 });
    expect(figuresOf({ light: LIGHT, full: none })).toMatchObject({ decodes: false, framesPerSecond: 0 });
    const little = samples(6, { framesReceived: 0.5 });
    expect(figuresOf({ light: LIGHT, full: little })).toMatchObject({ decodes: null, framesPerSecond: null, framesReceivedPerSecond: null });
  });

  it("say nothing of decoding in a browser that does not count what came", () => {
    const full = samples(6, { framesDecoded: 20 }, { framesReceived: null });
    expect(figuresOf({ light: LIGHT, full })).toMatchObject({ decodes: true, framesPerSecond: null });
  });

  it("are none where hardly anything was counted", () => {
    expect(figuresOf({ light: [], full: FULL })).toBeNull();
    expect(figuresOf({ light: LIGHT, full: FULL.slice(0, 2) })).toBeNull();
  });
});

describe("what two connections counted", () => {
  it("is added up, what was sent again among what was lost", () => {
    const sending = [
      ["o", { type: "outbound-rtp", bytesSent: 900, headerBytesSent: 100, packetsSent: 12, retransmittedPacketsSent: 2 }],
      ["r", { type: "remote-inbound-rtp", packetsLost: 1, roundTripTime: 0.08 }],
      ["p", { type: "candidate-pair", nominated: true, currentRoundTripTime: 0.05 }],
      ["q", { type: "candidate-pair", nominated: false, currentRoundTripTime: 0.001 }],
    ] as const;
    const receiving = [["i", { type: "inbound-rtp", bytesReceived: 800, headerBytesReceived: 80, packetsReceived: 9, packetsLost: 1, retransmittedPacketsReceived: 2, jitter: 0.004, framesReceived: 8, framesDecoded: 7 }], ["t", { type: "transport", bytesReceived: 950 }]] as const;
    expect(sampleOf(5, sending, receiving)).toEqual({
      at: 5,
      bytesSent: 1_000,
      packetsSent: 12,
      packetsLostUp: 2,
      bytesReceived: 950,
      packetsReceived: 7,
      packetsLostDown: 1,
      jitterMs: 4,
      roundTripMs: 50,
      framesReceived: 8,
      framesDecoded: 7,
    });
  });

  it("is nothing where nothing was", () => {
    expect(sampleOf(5, [], [])).toMatchObject({ bytesSent: 0, framesReceived: null, jitterMs: null, roundTripMs: null });
  });
});
