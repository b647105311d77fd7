// How received sound is kept whole on a bad line: what is asked of the server for that, and for how long sound is held
// back so that what was lost and comes another way is there in time. Pure.

/** What is read out of one report of everything that is heard; counters since the connection began. */
export interface SoundReading {
  /** Milliseconds, of the report's own clock. */
  readonly at: number;
  readonly packetsReceived: number;
  readonly packetsLost: number;
  /** The largest of all that is received, in milliseconds (RFC 3550 §6.4.1). */
  readonly jitterMs: number;
  /** Samples played, and of these, samples that were made up. */
  readonly samples: number;
  readonly concealed: number;
  /** Milliseconds there and back; `null` until measured. */
  readonly roundTripMs: number | null;
}

/**
 * For how long sound is held back, in milliseconds: at least for whoever speaks with others, at least for whoever only
 * listens, at most. More: what comes late is in time, and a line that becomes narrow all at once leaves a shorter gap.
 * Less: less delay in a dialogue. The browser goes above it by itself where packets come unevenly.
 */
export const HOLD_MS = { speaking: 60, listening: 140, most: 400 } as const;
/** The server sends the packet before along from about 1 % of loss on: so long after its turn, with frames of 60 ms. */
const CARRIED_MS = 60;
/** From about 4 % on it sends along what lies further back, which outlives bursts of loss. */
const CARRIED_FAR_MS = 180;
/** Shares of loss from which on that is worth waiting for: a little below what the server begins with. */
const LOSS = { near: 0.005, far: 0.03 };
/** So many packets must be lost before one speaks of a share. */
const ENOUGH_LOST = 2;
/** What the browser needs to put things together. */
const SPARE_MS = 20;
/** A loss is noticed and asked for so long after it, and the answer comes after the round trip. */
const NOTICED_MS = 80;
/** Packets come late by so many times their jitter. */
const JITTERS = 3;
/** Sound that is made up although nothing is lost came too late: so much more is tried, from this share on. */
const LATE = { share: 0.02, stepMs: 40 };
/** Over so long loss is counted. */
const WINDOW_MS = 10_000;
/** After so long without need less is tried, a little each time: every change is heard as a change of pace. */
const PATIENCE_MS = 30_000;
const SHRINK_MS = 10;

type Entry = Readonly<Record<string, unknown>>;

const amount = (entry: Entry, field: string): number => {
  const value = entry[field];
  return typeof value === "number" ? value : 0;
};

/** Adds up the sound of one report. Anything that a browser leaves out counts as nothing. */
export function readSound(report: Iterable<readonly [string, unknown]>): SoundReading {
  let heard: SoundReading = {
    at: 0,
    packetsReceived: 0,
    packetsLost: 0,
    jitterMs: 0,
    samples: 0,
    concealed: 0,
    roundTripMs: null,
  };
  for (const [, value] of report) {
    const entry = value as Entry;
    if (entry["type"] === "inbound-rtp" && entry["kind"] === "audio") {
      heard = {
        ...heard,
        at: Math.max(heard.at, amount(entry, "timestamp")),
        packetsReceived: heard.packetsReceived + amount(entry, "packetsReceived"),
        packetsLost: heard.packetsLost + amount(entry, "packetsLost"),
        jitterMs: Math.max(heard.jitterMs, amount(entry, "jitter") * 1000),
        samples: heard.samples + amount(entry, "totalSamplesReceived"),
        concealed: heard.concealed + amount(entry, "concealedSamples") - amount(entry, "silentConcealedSamples"),
      };
    } else if (entry["type"] === "candidate-pair" && entry["nominated"] === true) {
      const seconds = entry["currentRoundTripTime"];
      if (typeof seconds === "number") heard = { ...heard, roundTripMs: Math.round(seconds * 1000) };
    }
  }
  return heard;
}

/** For how long sound is held back on one connection. */
export class SoundHold {
  #ms: number = HOLD_MS.listening;
  #isListening = true;
  #readings: readonly SoundReading[] = [];
  #needed: number | null = null;

  /** Milliseconds. */
  get ms(): number {
    return this.#ms;
  }

  /**
   * Takes the next reading, and whether nobody hears this participant; returns for how long sound is held back from now
   * on.
   */
  next(heard: SoundReading, isListening: boolean): number {
    // The first answer in a dialogue must not come late: that it begins is heard as a change of pace anyway.
    const least = isListening ? HOLD_MS.listening : HOLD_MS.speaking;
    if (this.#isListening && !isListening) this.#ms -= HOLD_MS.listening - HOLD_MS.speaking;
    this.#isListening = isListening;
    // Whether or not anything has come that could be read.
    this.#ms = Math.max(least, this.#ms);
    const last = this.#readings.at(-1);
    if (last !== undefined && heard.at <= last.at) return this.#ms;
    this.#readings = [...this.#readings.filter(({ at }) => heard.at - at <= WINDOW_MS), heard];
    const wanted = Math.min(HOLD_MS.most, Math.max(least, this.#wanted(heard, last)));
    if (this.#needed === null || wanted >= this.#ms) this.#needed = heard.at;
    if (wanted > this.#ms) this.#ms = wanted;
    else if (heard.at - this.#needed > PATIENCE_MS) this.#ms = Math.max(wanted, this.#ms - SHRINK_MS);
    return this.#ms;
  }

  #wanted(heard: SoundReading, last: SoundReading | undefined): number {
    const jitter = JITTERS * heard.jitterMs + SPARE_MS;
    const loss = this.#loss(heard);
    const isRepairable = heard.roundTripMs !== null && heard.roundTripMs + NOTICED_MS <= HOLD_MS.most;
    const repair = isRepairable ? (heard.roundTripMs ?? 0) + NOTICED_MS + SPARE_MS : 0;
    if (loss >= LOSS.far) return Math.max(CARRIED_FAR_MS + HOLD_MS.speaking + SPARE_MS, repair) + jitter;
    if (loss >= LOSS.near) return Math.max(CARRIED_MS + HOLD_MS.speaking, repair) + jitter;
    return Math.max(jitter, this.#late(heard, last));
  }

  /** The share that was lost of late. */
  #loss(heard: SoundReading): number {
    const first = this.#readings[0] ?? heard;
    const lost = heard.packetsLost - first.packetsLost;
    const all = lost + heard.packetsReceived - first.packetsReceived;
    return lost < ENOUGH_LOST || all <= 0 ? 0 : lost / all;
  }

  /** More than now, if much was made up although nothing is lost. */
  #late(heard: SoundReading, last: SoundReading | undefined): number {
    if (last === undefined) return 0;
    const [samples, concealed] = [heard.samples - last.samples, heard.concealed - last.concealed];
    return samples > 0 && concealed / samples >= LATE.share ? this.#ms + LATE.stepMs : 0;
  }
}

/**
 * An offer that says of all sound that what is lost of it may be asked for again. Browsers can, and say so of
 * pictures alone; a server that does not answer it changes nothing.
 */
export function withRepairs(sdp: string): string {
  const sections = sdp.split(/(?=^m=)/mu);
  return sections.map((section) => (/^m=audio/u.test(section) ? withRepairsOf(section) : section)).join("");
}

function withRepairsOf(section: string): string {
  return section.replace(/^a=rtpmap:(\d+) opus\/48000\/2\r?\n/gmu, (line, type: string) => {
    const repair = `a=rtcp-fb:${type} nack\r\n`;
    return section.includes(repair) ? line : line + repair;
  });
}
