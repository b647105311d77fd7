import { describe, expect, it } from "vitest";
import { readSound, type SoundReading, SoundHold, withRepairs } from "../src/soundhold.ts";

const QUIET: SoundReading = {
  at: 0,
  packetsReceived: 0,
  packetsLost: 0,
  jitterMs: 2,
  samples: 0,
  concealed: 0,
  roundTripMs: 20,
};

/** Readings two seconds apart, of frames of 60 ms of which this share is lost. */
function* line(seconds: number, part: Partial<SoundReading> & { loss?: number }, from = QUIET): Generator<SoundReading> {
  const { loss = 0, ...rest } = part;
  for (let at = 2; at <= seconds; at += 2) {
    const packets = Math.round((at * 1000) / 60);
    const lost = Math.round(packets * loss);
    yield {
      ...QUIET,
      ...rest,
      at: from.at + at * 1000,
      packetsLost: from.packetsLost + lost,
      packetsReceived: from.packetsReceived + packets - lost,
      samples: from.samples + at * 48_000,
      concealed: from.concealed + at * 48_000 * (part.concealed ?? 0),
    };
  }
}

function held(readings: Iterable<SoundReading>, hold = new SoundHold(), isListening = false): number[] {
  return [...readings].map((heard) => hold.next(heard, isListening));
}

describe("sound is held back", () => {
  it("for a moment where nothing is lost", () => {
    expect(new Set(held(line(60, {})))).toEqual(new Set([60]));
  });

  it("for longer by who only listens, and no longer than for a moment as soon as somebody hears them", () => {
    const hold = new SoundHold();
    expect(new Set(held(line(60, {}), hold, true))).toEqual(new Set([140]));
    const later = (at: number): SoundReading => ({ ...QUIET, at, packetsReceived: at / 60, samples: at * 48 });
    const spoken = [62_000, 64_000].map((at) => hold.next(later(at), false));
    expect([...spoken, hold.next(later(66_000), true)]).toEqual([60, 60, 140]);
  });

  it("for no less than that where nothing has come yet, however often somebody is heard and is not", () => {
    const hold = new SoundHold();
    const turns = [true, false, true, false, true, false];
    expect(turns.map((isListening) => hold.next({ ...QUIET, at: 0 }, isListening))).toEqual([140, 60, 140, 60, 140, 60]);
  });

  it("until the packet that carries a lost one has come", () => {
    expect(Math.max(...held(line(20, { loss: 0.02 })))).toBeGreaterThanOrEqual(140);
    expect(held(line(20, { loss: 0.1 })).at(-1)).toBeGreaterThanOrEqual(260);
    expect(held(line(20, { loss: 0.2, jitterMs: 40 })).at(-1)).toBe(400);
  });

  it("within two seconds of a heavy loss", () => {
    const hold = new SoundHold();
    held(line(60, {}), hold);
    const later = { ...QUIET, at: 60_000, packetsReceived: 1_000, samples: 60 * 48_000 };
    expect(held(line(2, { loss: 0.2 }, later), hold)).toEqual([286]);
  });

  it("until what was asked for again has come, where that is soon enough", () => {
    expect(held(line(20, { loss: 0.01, roundTripMs: 200 })).at(-1)).toBe(326);
    expect(held(line(20, { loss: 0.01, roundTripMs: 900 })).at(-1)).toBe(146);
  });

  it("for longer where packets come unevenly, or so late that much is made up", () => {
    expect(held(line(20, { jitterMs: 50 })).at(-1)).toBe(170);
    expect(held(line(6, { concealed: 0.1 }))).toEqual([60, 100, 140]);
  });

  it("for less again slowly, and not before it has been needless for a while", () => {
    const hold = new SoundHold();
    const before = held(line(20, { loss: 0.1 }), hold).at(-1) ?? 0;
    const [...lossy] = line(20, { loss: 0.1 });
    const after = held(line(200, {}, lossy.at(-1)), hold);
    expect(after.slice(0, 15)).toEqual(Array<number>(15).fill(before));
    const steps = after.map((ms, at) => (after[at - 1] ?? before) - ms);
    expect(Math.max(...steps)).toBeLessThanOrEqual(10);
    expect(after.at(-1)).toBe(60);
  });

  it("as long as before by a reading that says nothing new", () => {
    const hold = new SoundHold();
    expect([hold.next(QUIET, false), hold.next({ ...QUIET, jitterMs: 900 }, false)]).toEqual([60, 60]);
  });
});

it("reads the sound of a report, whatever the browser leaves out", () => {
  const sound = { type: "inbound-rtp", kind: "audio", timestamp: 5_000, packetsReceived: 50, packetsLost: 3 };
  const report = new Map<string, unknown>([
    ["a", { ...sound, jitter: 0.004, totalSamplesReceived: 9_600, concealedSamples: 900, silentConcealedSamples: 300 }],
    ["b", sound],
    ["c", { type: "inbound-rtp", kind: "video", timestamp: 9_000, packetsReceived: 900, jitter: 1 }],
    ["d", { type: "candidate-pair", nominated: true, currentRoundTripTime: 0.0314 }],
  ]);
  expect(readSound(report.entries())).toEqual({
    at: 5_000,
    packetsReceived: 100,
    packetsLost: 6,
    jitterMs: 4,
    samples: 9_600,
    concealed: 600,
    roundTripMs: 31,
  });
});

describe("an offer", () => {
  const section = (kind: string, direction: string, lines: readonly string[]) =>
    [`m=${kind} 9 UDP/TLS/RTP/SAVPF 111`, `a=${direction}`, ...lines, ""].join("\r\n");
  const opus = ["a=rtpmap:111 opus/48000/2", "a=rtcp-fb:111 transport-cc"];

  it.each(["recvonly", "sendonly"])("says that sound may be asked for again, %s, and changes nothing else", (direction) => {
    const before = ["v=0\r\n", section("audio", direction, opus), section("video", direction, opus)];
    const [first, sound, picture] = before;
    const expected = [first, sound?.replace("48000/2\r\n", "48000/2\r\na=rtcp-fb:111 nack\r\n"), picture];
    const made = withRepairs(before.join(""));
    expect(made).toBe(expected.join(""));
    expect(withRepairs(made)).toBe(made);
  });
});
