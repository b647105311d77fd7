// How loud a microphone is. Reads analysers a few times a second, and only while somebody wants to know.

/** Time between two readings, in milliseconds. Lower: a livelier meter, and more work for an old machine. */
const READ_MS = 100;
/** What the meter calls silence and full, in dBFS. */
const FLOOR_DB = -60;
const CEILING_DB = -10;
/**
 * Samples that stay below this are no sound: a microphone in a quiet room is above, one that is switched off below.
 * Higher: a quiet room is taken for a dead microphone. Lower: the hum of a dead one for sound.
 */
const QUIET = 1 / 4096;

/** What was heard in a moment. */
export interface Heard {
  /** From 0 (silence) to 1 (as loud as it should ever be). */
  readonly level: number;
  /** There was anything at all. */
  readonly isSound: boolean;
}

/** The level of these samples on a scale from 0 (silence) to 1 (as loud as it should ever be). */
export function loudness(samples: Float32Array): number {
  let energy = 0;
  for (const sample of samples) energy += sample * sample;
  const rms = Math.sqrt(energy / Math.max(1, samples.length));
  const db = 20 * Math.log10(Math.max(rms, 1e-6));
  return Math.min(1, Math.max(0, (db - FLOOR_DB) / (CEILING_DB - FLOOR_DB)));
}

/** Whether a device that is on may have made these samples. */
export function isSound(samples: Float32Array): boolean {
  return samples.some((sample) => Math.abs(sample) >= QUIET);
}

/** One for all meters of the page: each costs an old machine a thread. */
let shared: { readonly context: AudioContext; users: number } | null = null;

function borrow(signal: AbortSignal): AudioContext {
  shared ??= { context: new AudioContext(), users: 0 };
  const lent = shared;
  lent.users += 1;
  signal.addEventListener(
    "abort",
    () => {
      lent.users -= 1;
      if (lent.users > 0) return;
      shared = null;
      lent.context.close().catch(() => undefined);
    },
    { once: true },
  );
  return lent.context;
}

/** Calls `onHeard` with what `track` carries until `signal` aborts. Not before the browser lets the page listen. */
export function meter(track: MediaStreamTrack, onHeard: (heard: Heard) => void, signal: AbortSignal): void {
  const context = borrow(signal);
  const analyser = new AnalyserNode(context, { fftSize: 1024 });
  const source = context.createMediaStreamSource(new MediaStream([track]));
  source.connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    // A page that was not clicked yet gets a suspended context, which hears zeros; it may run once there was a click.
    if (context.state === "suspended") context.resume().catch(() => undefined);
    if (context.state !== "running") return;
    analyser.getFloatTimeDomainData(samples);
    onHeard({ level: loudness(samples), isSound: isSound(samples) });
  }, READ_MS);
  signal.addEventListener(
    "abort",
    () => {
      clearInterval(timer);
      source.disconnect();
    },
    { once: true },
  );
}
