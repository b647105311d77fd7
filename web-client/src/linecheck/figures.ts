// Rate, round trip, jitter, loss and pictures of a line, out of what two connections counted: one that sends to the
// server, and one that gets the same back. Pure.

import { fieldsOf } from "./contract.ts";

/** What both had counted at one moment, since they began. */
export interface Sample {
  /** Milliseconds. */
  readonly at: number;
  readonly bytesSent: number;
  /** Those that were sent again included. */
  readonly packetsSent: number;
  /** Those that the server asked for again or went without. */
  readonly packetsLostUp: number;
  readonly bytesReceived: number;
  /** At the first attempt. */
  readonly packetsReceived: number;
  /** Those that came when they were asked for again among them. */
  readonly packetsLostDown: number;
  readonly jitterMs: number | null;
  readonly roundTripMs: number | null;
  /** Pictures that came whole; `null` where the browser does not count them. */
  readonly framesReceived: number | null;
  readonly framesDecoded: number;
}

interface Quality {
  readonly roundTripMs: number | null;
  readonly jitterMs: number | null;
  readonly lossUpPercent: number;
  readonly lossDownPercent: number;
}

interface Capacity {
  readonly upKilobitsPerSecond: number;
  readonly downKilobitsPerSecond: number;
  readonly decodes: boolean | null;
  readonly framesPerSecond: number | null;
  /** Those that came whole: what a decoder can be asked for, however bad the line. */
  readonly framesReceivedPerSecond: number | null;
}

/** Figures of a line over some seconds. */
export type Figures = Quality & Capacity;

/** Over how long a rate is taken, in milliseconds. Longer: the seconds in which it grows count. Shorter: one burst does. */
const RATE_OVER_MS = 1_500;
/** Pictures that must have come before a decoder is judged by them. */
const ENOUGH_FRAMES = 10;

type Report = Iterable<readonly [string, unknown]>;
type Entry = Readonly<Record<string, unknown>>;

const amount = (entry: Entry, field: string): number => (typeof entry[field] === "number" ? entry[field] : 0);

const milliseconds = (entry: Entry, field: string): number | null => {
  const seconds = entry[field];
  return typeof seconds === "number" ? seconds * 1_000 : null;
};

function smaller(one: number | null, other: number | null): number | null {
  if (one === null || other === null) return one ?? other;
  return Math.min(one, other);
}

/** Round trips of a report: those of the checks of its way, and those that are told with what was lost. */
function roundTripOf(report: readonly Entry[]): number | null {
  let best: number | null = null;
  for (const entry of report) {
    if (entry["type"] === "candidate-pair" && (entry["nominated"] === true || entry["selected"] === true)) {
      best = smaller(best, milliseconds(entry, "currentRoundTripTime"));
    } else if (entry["type"] === "remote-inbound-rtp") best = smaller(best, milliseconds(entry, "roundTripTime"));
  }
  return best;
}

/** Adds up what the reports of the sending and the receiving connection say at `at`. */
export function sampleOf(at: number, sending: Report, receiving: Report): Sample {
  const [sent, received] = [sending, receiving].map((report) => [...report].map(([, value]) => fieldsOf(value)));
  const all = (entries: readonly Entry[] | undefined, type: string): readonly Entry[] => (entries ?? []).filter((entry) => entry["type"] === type);
  const sum = (entries: readonly Entry[], ...fields: string[]): number =>
    entries.reduce((total, entry) => total + fields.reduce((part, field) => part + amount(entry, field), 0), 0);
  const [out, told, into] = [all(sent, "outbound-rtp"), all(sent, "remote-inbound-rtp"), all(received, "inbound-rtp")];
  const jitters = into.flatMap((entry) => milliseconds(entry, "jitter") ?? []);
  const counts = into.some((entry) => typeof entry["framesReceived"] === "number");
  return {
    at,
    bytesSent: sum(out, "bytesSent", "headerBytesSent"),
    packetsSent: sum(out, "packetsSent"),
    packetsLostUp: Math.max(sum(told, "packetsLost"), sum(out, "retransmittedPacketsSent")),
    // With what the server sends to find out how much there is room for, where a browser counts that.
    bytesReceived: Math.max(sum(into, "bytesReceived", "headerBytesReceived"), sum(all(received, "transport"), "bytesReceived")),
    packetsReceived: sum(into, "packetsReceived") - sum(into, "retransmittedPacketsReceived"),
    packetsLostDown: sum(into, "packetsLost"),
    jitterMs: jitters.length === 0 ? null : Math.max(...jitters),
    roundTripMs: smaller(roundTripOf(sent ?? []), roundTripOf(received ?? [])),
    framesReceived: counts ? sum(into, "framesReceived") : null,
    framesDecoded: sum(into, "framesDecoded"),
  };
}

/** The largest rate of any stretch, in kilobits a second. */
function bestRate(samples: readonly Sample[], of: (sample: Sample) => number): number {
  let best = 0;
  let begin = 0;
  for (const last of samples) {
    // The latest one that is long enough ago.
    while (last.at - (samples[begin + 1]?.at ?? last.at) >= RATE_OVER_MS) begin += 1;
    const first = samples[begin];
    if (first === undefined || last.at - first.at < RATE_OVER_MS) continue;
    best = Math.max(best, ((of(last) - of(first)) * 8) / (last.at - first.at));
  }
  return best;
}

const percent = (part: number, whole: number): number => (whole <= 0 ? 0 : Math.round((Math.max(0, part) / whole) * 1_000) / 10);

/** The middle one. */
function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? null;
}

const rounded = (value: number | null): number | null => (value === null ? null : Math.round(value));

/** How much a line loses, and how long it takes, by samples of a light load: what a full one loses is its own doing. */
function lightFigures(samples: readonly Sample[]): Quality | null {
  const [first] = samples;
  const last = samples.at(-1);
  if (first === undefined || last === undefined) return null;
  const since = (of: (sample: Sample) => number): number => of(last) - of(first);
  const lostDown = since((sample) => sample.packetsLostDown);
  const trips = samples.flatMap(({ roundTripMs }) => roundTripMs ?? []);
  return {
    roundTripMs: trips.length === 0 ? null : Math.round(Math.min(...trips)),
    jitterMs: rounded(median(samples.flatMap(({ jitterMs }) => jitterMs ?? []))),
    lossUpPercent: Math.min(100, percent(since((sample) => sample.packetsLostUp), since((sample) => sample.packetsSent))),
    lossDownPercent: percent(lostDown, lostDown + since((sample) => sample.packetsReceived)),
  };
}

/** How much a line carries, and whether the pictures that it brings are decoded, by samples of a full load. */
function fullFigures(samples: readonly Sample[]): Capacity | null {
  const [first] = samples;
  const last = samples.at(-1);
  if (first === undefined || last === undefined || last.at - first.at < RATE_OVER_MS) return null;
  const seconds = (last.at - first.at) / 1_000;
  const since = (of: (sample: Sample) => number): number => of(last) - of(first);
  const arrived = 1 - Math.min(100, percent(since((sample) => sample.packetsLostUp), since((sample) => sample.packetsSent))) / 100;
  const frames = last.framesReceived === null ? 0 : since((sample) => sample.framesReceived ?? 0);
  const enough = frames >= ENOUGH_FRAMES;
  const perSecond = (count: number): number => Math.round((count / seconds) * 10) / 10;
  return {
    upKilobitsPerSecond: Math.round(bestRate(samples, (sample) => sample.bytesSent) * arrived),
    downKilobitsPerSecond: Math.round(bestRate(samples, (sample) => sample.bytesReceived)),
    decodes: enough || last.framesDecoded > 0 ? last.framesDecoded > 0 : null,
    framesPerSecond: enough ? perSecond(since((sample) => sample.framesDecoded)) : null,
    framesReceivedPerSecond: enough ? perSecond(frames) : null,
  };
}

/** What a line is like by samples of a light load and of a full one; `null` where too few came. */
export function figuresOf({ light, full }: { light: readonly Sample[]; full: readonly Sample[] }): Figures | null {
  const [quality, carried] = [lightFigures(light), fullFigures(full)];
  return quality === null || carried === null ? null : { ...quality, ...carried };
}
