// The few figures of getStats() that a person or a support line can use. Pure.

/** What is read out of one report; counters since the connection began. */
export interface Reading {
  /** Milliseconds, of the report's own clock. */
  readonly at: number;
  readonly framesDecoded: number;
  readonly packetsReceived: number;
  readonly packetsLost: number;
  readonly bytesReceived: number;
  /** Pictures that each track has given that is sent, by its id; in browsers that count them. */
  readonly framesCaptured: ReadonlyMap<string, number>;
  /** Milliseconds there and back; `null` until measured. */
  readonly roundTripMs: number | null;
  /** Samples of sound: all, those that the browser made up in place of others, those that were played. */
  readonly samples: number;
  readonly samplesConcealed: number;
  readonly samplesPlayed: number;
  /** How long those that were played had waited, added up. */
  readonly bufferedSeconds: number;
  /** The largest picture. */
  readonly picture: PictureReading | null;
}

/** What is read of one picture. */
export interface PictureReading {
  readonly id: string;
  readonly pixels: number;
  readonly frames: number;
  readonly packets: number;
  readonly frozenSeconds: number;
}

/** How the line was between two readings. */
export interface LineQuality {
  readonly framesPerSecond: number;
  /** Share of packets lost, 0 to 1. */
  readonly loss: number;
  /** Kilobits per second received. */
  readonly kbps: number;
  readonly roundTripMs: number | null;
  readonly grade: "good" | "fair" | "poor";
}

/** Above these a person notices. Loss is a share, round trip in milliseconds. */
const FAIR = { loss: 0.02, roundTripMs: 300 };
const POOR = { loss: 0.08, roundTripMs: 800 };

type Entry = Readonly<Record<string, unknown>>;

const amount = (entry: Entry, field: string): number => {
  const value = entry[field];
  return typeof value === "number" ? value : 0;
};

/** Adds up one report. Anything that a browser leaves out counts as nothing. */
export function read(report: Iterable<readonly [string, unknown]>): Reading {
  let reading: Reading = {
    at: 0,
    framesDecoded: 0,
    packetsReceived: 0,
    packetsLost: 0,
    bytesReceived: 0,
    framesCaptured: new Map(),
    roundTripMs: null,
    samples: 0,
    samplesConcealed: 0,
    samplesPlayed: 0,
    bufferedSeconds: 0,
    picture: null,
  };
  for (const [id, value] of report) {
    const entry = value as Entry;
    if (entry["type"] === "inbound-rtp") {
      reading = {
        ...reading,
        at: Math.max(reading.at, amount(entry, "timestamp")),
        framesDecoded: reading.framesDecoded + amount(entry, "framesDecoded"),
        packetsReceived: reading.packetsReceived + amount(entry, "packetsReceived"),
        packetsLost: reading.packetsLost + amount(entry, "packetsLost"),
        bytesReceived: reading.bytesReceived + amount(entry, "bytesReceived"),
        ...(entry["kind"] === "audio" && addSound(reading, entry)),
        ...(entry["kind"] === "video" && { picture: larger(reading.picture, pictureOf(id, entry)) }),
      };
    } else if (entry["type"] === "media-source" && typeof entry["frames"] === "number") {
      const framesCaptured = new Map(reading.framesCaptured).set(String(entry["trackIdentifier"]), entry["frames"]);
      reading = { ...reading, framesCaptured };
    } else if (entry["type"] === "candidate-pair" && entry["nominated"] === true) {
      const seconds = entry["currentRoundTripTime"];
      if (typeof seconds === "number") reading = { ...reading, roundTripMs: Math.round(seconds * 1000) };
    }
  }
  return reading;
}

type Sound = Pick<Reading, "samples" | "samplesConcealed" | "samplesPlayed" | "bufferedSeconds">;

/** Silence that is made up in place of silence is not missed. */
function addSound(reading: Reading, entry: Entry): Sound {
  const concealed = amount(entry, "concealedSamples") - amount(entry, "silentConcealedSamples");
  return {
    samples: reading.samples + amount(entry, "totalSamplesReceived"),
    samplesConcealed: reading.samplesConcealed + concealed,
    samplesPlayed: reading.samplesPlayed + amount(entry, "jitterBufferEmittedCount"),
    bufferedSeconds: reading.bufferedSeconds + amount(entry, "jitterBufferDelay"),
  };
}

function pictureOf(id: string, entry: Entry): PictureReading {
  return {
    id,
    pixels: amount(entry, "frameWidth") * amount(entry, "frameHeight"),
    frames: amount(entry, "framesDecoded"),
    packets: amount(entry, "packetsReceived"),
    frozenSeconds: amount(entry, "totalFreezesDuration"),
  };
}

function larger(known: PictureReading | null, other: PictureReading): PictureReading {
  return known !== null && known.pixels >= other.pixels ? known : other;
}

/** What a report says of the way: how much has come on all that there were, and what the one in use is made of. */
export function wayOf(report: Iterable<readonly [string, unknown]>): { received: number; protocol: "udp" | "tcp" | null } {
  const entries = new Map([...report].map(([id, value]) => [id, value as Entry]));
  let received = 0;
  let local: unknown;
  for (const entry of entries.values()) {
    if (entry["type"] === "transport") local = entries.get(entry["selectedCandidatePairId"] as string)?.["localCandidateId"];
    if (entry["type"] !== "candidate-pair") continue;
    received += amount(entry, "bytesReceived");
    // Firefox's way of saying which one is in use.
    if (entry["selected"] === true) local = entry["localCandidateId"];
  }
  const candidate = entries.get(local as string);
  // What a relay passes on is UDP, whatever it is reached by.
  const protocol = candidate?.["relayProtocol"] ?? candidate?.["protocol"];
  const isTcp = protocol === "tcp" || protocol === "tls";
  return { received, protocol: isTcp ? "tcp" : protocol === "udp" ? "udp" : null };
}

/** The line between `before` and `after`; `null` if no time passed. */
export function compare(before: Reading, after: Reading): LineQuality | null {
  const seconds = (after.at - before.at) / 1000;
  if (seconds <= 0) return null;
  const received = Math.max(0, after.packetsReceived - before.packetsReceived);
  const lost = Math.max(0, after.packetsLost - before.packetsLost);
  const loss = received + lost === 0 ? 0 : lost / (received + lost);
  const { roundTripMs } = after;
  const worseThan = (limit: typeof FAIR) => loss > limit.loss || (roundTripMs ?? 0) > limit.roundTripMs;
  return {
    framesPerSecond: Math.max(0, after.framesDecoded - before.framesDecoded) / seconds,
    loss,
    kbps: (Math.max(0, after.bytesReceived - before.bytesReceived) * 8) / 1000 / seconds,
    roundTripMs,
    grade: worseThan(POOR) ? "poor" : worseThan(FAIR) ? "fair" : "good",
  };
}
