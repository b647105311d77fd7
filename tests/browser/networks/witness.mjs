// What a page on a bad line has seen and heard, by the browser's own counts several times a second and
// by the times at which pictures were shown.

/** A picture that stands for longer than this has frozen, in milliseconds. */
const FROZEN = 250;

/**
 * Runs in a page before the page's own scripts, after `spy`: takes down what happens, the browser's counts every so many
 * milliseconds. One that `isFrugal` looks at no frame but the first, for where the work of this page is measured.
 */
export function witness({ isFrugal, everyMs }) {
  if (globalThis.top !== globalThis) return;
  const seen = { samples: [], frames: [], usable: null };
  Object.defineProperty(globalThis, "__witness", { value: seen });
  const known = new WeakSet();
  const note = (video) => (_, { presentationTime, rtpTimestamp, height }) => {
    seen.frames.push([performance.timeOrigin + presentationTime, rtpTimestamp ?? 0, height]);
    if (!isFrugal) video.requestVideoFrameCallback(note(video));
  };
  const look = () => {
    for (const video of document.querySelectorAll("video")) {
      if (known.has(video)) continue;
      known.add(video);
      video.requestVideoFrameCallback(note(video));
    }
  };
  const watchForButton = () => {
    const button = document.querySelector("main button");
    if (button?.checkVisibility() === true) seen.usable = performance.timeOrigin + performance.now();
    else requestAnimationFrame(watchForButton);
  };
  watchForButton();
  const peer = () => globalThis.__seen.peers.findLast(({ signalingState }) => signalingState !== "closed");
  async function sample() {
    look();
    const now = { time: Date.now(), audio: [], video: [], roundTrip: null, words: isFrugal ? [] : words() };
    const entries = [];
    (await peer()?.getStats())?.forEach((entry) => entries.push(entry));
    for (const entry of entries) {
      if (entry.type === "inbound-rtp" && entry.packetsReceived > 0) {
        const { remoteId, codecId, trackIdentifier, playoutId, ...rest } = entry;
        now[entry.kind].push(rest);
      }
    }
    const selected = entries.find(({ type }) => type === "transport")?.selectedCandidatePairId;
    const pair = entries.find(({ id }) => id === selected);
    now.roundTrip = pair?.currentRoundTripTime ?? null;
    now.protocol = entries.find(({ id }) => id === pair?.localCandidateId)?.protocol ?? null;
    seen.samples.push(now);
  }
  const words = () => [...document.querySelectorAll('[role="status"]')].map((part) => part.innerText.trim()).filter(Boolean);
  /** Payload types of retransmissions, which padding has as well. */
  seen.repairs = () =>
    [...(peer()?.currentRemoteDescription?.sdp ?? "").matchAll(/^a=rtpmap:(\d+) rtx\//gmu)].map(([, type]) => Number(type));
  setInterval(() => sample().catch(() => {}), everyMs);
}

/** Runs in the page: all that was taken down. */
export function testimony() {
  const { samples, frames, repairs, usable } = globalThis.__witness;
  return { samples, frames, usable, opened: performance.timeOrigin, repairs: repairs() };
}

const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);

/** What happened in a page between two times. */
export class Evidence {
  constructor({ samples, frames, repairs, usable, opened }, counts, from, to) {
    this.samples = samples.filter(({ time }) => time >= from && time <= to);
    this.allFrames = frames;
    this.frames = frames.filter(([at]) => at >= from && at <= to);
    this.repairs = new Set(repairs.map(String));
    this.counts = counts;
    /** Seconds until there was something to click. */
    this.usable = usable === null ? Infinity : (usable - opened) / 1_000;
    /** Of everybody behind the same line. */
    this.everybody = [this];
    this.from = from;
    this.to = to;
    this.seconds = (to - from) / 1000;
  }

  /** By how much `field` grew, over all slots of a kind, sample by sample. */
  #steps(kind, field) {
    return this.samples.slice(1).map((now, index) => {
      const before = this.samples[index];
      const gained = now[kind].map((entry) => {
        const earlier = before[kind].find(({ id }) => id === entry.id);
        // A new connection counts from nothing.
        return Math.max(0, (entry[field] ?? 0) - (earlier?.[field] ?? 0));
      });
      return sum(gained);
    });
  }

  gained(kind, field) {
    return sum(this.#steps(kind, field));
  }

  /** Share of the sound that was made up. */
  get concealed() {
    return this.gained("audio", "concealedSamples") / Math.max(1, this.gained("audio", "totalSamplesReceived"));
  }

  /** The same of the one stream of sound of which most was. */
  get worstConcealed() {
    const streams = new Set(this.samples.flatMap(({ audio }) => audio.map(({ id }) => id)));
    const shares = [...streams].map((id) => {
      const of = this.samples.flatMap(({ audio }) => audio.filter((entry) => entry.id === id));
      const gained = (field) => of.at(-1)[field] - of[0][field];
      return gained("concealedSamples") / Math.max(1, gained("totalSamplesReceived"));
    });
    return Math.max(0, ...shares);
  }

  /** How evenly those behind the line share it: 1 where each gets as much (Jain's index). */
  get fairness() {
    const got = this.everybody.map((one) => one.gained("video", "bytesReceived") + one.gained("audio", "bytesReceived"));
    return sum(got) ** 2 / (got.length * sum(got.map((bytes) => bytes ** 2)));
  }

  /** The longest time for which all sound was made up, in milliseconds, at most what it can have been. */
  get longestGap() {
    const made = this.#steps("audio", "concealedSamples");
    const all = this.#steps("audio", "totalSamplesReceived");
    let [longest, run] = [0, 0];
    made.forEach((concealed, index) => {
      run += concealed / 48;
      longest = Math.max(longest, run);
      if (concealed < 0.9 * all[index]) run = concealed / 48;
    });
    return Math.round(longest);
  }

  get framesPerSecond() {
    return this.gained("video", "framesDecoded") / this.seconds;
  }

  /** Share of the time in which the picture stood still, and the longest such time in seconds. */
  get frozen() {
    const before = this.allFrames.findLast(([at]) => at < this.from)?.[0] ?? this.from;
    const after = this.allFrames.find(([at]) => at > this.to)?.[0] ?? this.to;
    const times = [before, ...this.frames.map(([at]) => at), after];
    const gaps = times.slice(1).map((at, index) => [Math.max(times[index], this.from), Math.min(at, this.to)]);
    const frozen = gaps.map(([start, end]) => end - start).filter((length) => length > FROZEN);
    return { share: sum(frozen) / (this.to - this.from), longest: Math.max(0, ...frozen) / 1000 };
  }

  /** Heights of the picture, each with when it began, in seconds since the beginning. */
  get layers() {
    const changes = [];
    for (const [at, , height] of this.frames) {
      if (changes.at(-1)?.height !== height) changes.push({ height, at: (at - this.from) / 1000 });
    }
    return changes;
  }

  /** Share of the frames shown that had so many lines. */
  shareAt(height) {
    return this.frames.filter((frame) => frame[2] === height).length / Math.max(1, this.frames.length);
  }

  /** Seconds until the picture was so high and stayed so for a second; `null`: never. */
  reaches(isRight) {
    const { layers } = this;
    const lasts = (index) => (layers[index + 1]?.at ?? this.seconds) - layers[index].at;
    const found = layers.find(({ height }, index) => isRight(height) && lasts(index) >= 1);
    return found ? Math.max(0, found.at) : null;
  }

  /** Seconds until picture and sound had come again after the longest time without. */
  get returns() {
    const none = { length: 2 * FROZEN, end: this.from };
    const longest = (gaps) => gaps.reduce((most, gap) => (gap.length > most.length ? gap : most), none);
    const times = [this.from, ...this.frames.map(([at]) => at), this.to];
    const still = times.slice(1).map((at, index) => ({ length: at - times[index], end: at }));
    const made = this.#steps("audio", "concealedSamples");
    const all = this.#steps("audio", "totalSamplesReceived");
    let since = this.from;
    const silent = [];
    made.forEach((concealed, index) => {
      const { time } = this.samples[index + 1];
      // Without a connection nothing is counted at all.
      if (all[index] === 0 || concealed > 0.5 * all[index]) silent.push({ length: time - since, end: time });
      else since = time;
    });
    return (Math.max(longest(still).end, longest(silent).end) - this.from) / 1000;
  }

  /** Seconds until there was sound for a quarter of a second. */
  get hears() {
    const received = (entry) => entry.totalSamplesReceived - entry.concealedSamples;
    const found = this.samples.find(({ audio }) => audio.some((entry) => received(entry) > 12_000));
    return found ? (found.time - this.from) / 1000 : Infinity;
  }

  /** By how much frames were shown later than those before `baseline`, 95th percentile, in milliseconds. */
  late(baseline) {
    const reference = this.allFrames.filter(([at]) => at < baseline && at > baseline - 4_000);
    if (reference.length === 0 || this.frames.length === 0) return null;
    const [at0, rtp0] = reference[0];
    const offset = ([at, rtp]) => at - at0 - ((rtp - rtp0) | 0) / 90;
    const usual = quantile(reference.map(offset), 0.5);
    return Math.round(quantile(this.frames.map(offset), 0.95) - usual);
  }

  /** 95th percentile of what packets waited on the line, in milliseconds. */
  get queue() {
    const waits = Object.entries(this.counts.down.waits).flatMap(([wait, count]) => (count > 0 ? [[Number(wait), count]] : []));
    const all = sum(waits.map(([, count]) => count));
    let seen = 0;
    for (const [wait, count] of waits.sort(([a], [b]) => a - b)) {
      seen += count;
      if (seen >= 0.95 * all) return wait;
    }
    return 0;
  }

  /** Bytes offered to the site, as RTP, for each byte of media. */
  get offered() {
    const entries = Object.entries(this.counts.down.rtp);
    const media = sum(entries.filter(([type]) => !this.repairs.has(type)).map(([, bytes]) => bytes));
    return sum(entries.map(([, bytes]) => bytes)) / Math.max(1, media);
  }

  /** Rates on the line from the server, in kbit/s. */
  get rates() {
    const { seconds, down } = this.counts;
    const rate = (bytes) => Math.round((bytes * 8) / 1000 / seconds);
    return { offered: rate(down.offered_bytes), carried: rate(down.carried_bytes) };
  }

  /** Everything, for whoever looks closer. */
  get figures() {
    const percent = (share) => Number((share * 100).toFixed(2));
    const { share, longest } = this.frozen;
    return {
      seconds: Number(this.seconds.toFixed(1)),
      concealed: percent(this.concealed),
      longestGap: this.longestGap,
      framesPerSecond: Number(this.framesPerSecond.toFixed(1)),
      layers: this.layers.map(({ height, at }) => `${height} at ${at.toFixed(1)}`).join(", "),
      frozen: percent(share),
      longestFrozen: Number(longest.toFixed(1)),
      queue: this.queue,
      offered: Number(this.offered.toFixed(2)),
      ...Object.fromEntries(Object.entries(this.rates).map(([name, rate]) => [`${name}Kbps`, rate])),
      lost: this.counts.down.lost,
      overflowed: this.counts.down.overflowed,
      behind: Number(this.counts.behind.toFixed(1)),
      busy: percent(this.busy ?? 0),
      nacks: this.gained("video", "nackCount"),
      keyFrameRequests: this.gained("video", "pliCount"),
      repaired: this.gained("video", "retransmittedPacketsReceived"),
      packets: this.gained("video", "packetsReceived"),
      keyFrames: this.gained("video", "keyFramesDecoded"),
      roundTrip: Math.round(Math.max(0, ...this.samples.map(({ roundTrip }) => roundTrip ?? 0)) * 1000),
      words: [...new Set(this.samples.flatMap(({ words }) => words))],
    };
  }
}

function quantile(numbers, share) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}
