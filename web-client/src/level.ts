// How loud a microphone is, for a meter. Reads the analyser a few times a second and stops with its signal.

/** Time between two readings, in milliseconds. Lower: a livelier meter, and more work for an old machine. */
const READ_MS = 100;
/** What the meter calls silence and full, in dBFS. */
const FLOOR_DB = -60;
const CEILING_DB = -10;

/** The level of these samples on a scale from 0 (silence) to 1 (as loud as it should ever be). */
export function loudness(samples: Float32Array): number {
  let energy = 0;
  for (const sample of samples) energy += sample * sample;
  const rms = Math.sqrt(energy / Math.max(1, samples.length));
  const db = 20 * Math.log10(Math.max(rms, 1e-6));
  return Math.min(1, Math.max(0, (db - FLOOR_DB) / (CEILING_DB - FLOOR_DB)));
}

/** Calls `onLevel` with the loudness of `track` until `signal` aborts. */
export function meter(track: MediaStreamTrack, onLevel: (level: number) => void, signal: AbortSignal): void {
  const context = new AudioContext();
  const analyser = new AnalyserNode(context, { fftSize: 1024 });
  context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    // A page that was not clicked yet gets a suspended context; it may run once there was a click.
    if (context.state === "suspended") context.resume().catch(() => undefined);
    analyser.getFloatTimeDomainData(samples);
    onLevel(loudness(samples));
  }, READ_MS);
  signal.addEventListener(
    "abort",
    () => {
      clearInterval(timer);
      context.close().catch(() => undefined);
    },
    { once: true },
  );
}
