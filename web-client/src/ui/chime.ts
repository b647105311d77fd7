// Sounds of the page itself: one to try a loudspeaker, one that calls somebody who looks elsewhere.

/** Notes in hertz, each for so long, in seconds. */
const NOTES = [523.25, 659.25, 783.99];
const NOTE_SECONDS = 0.28;

/** Plays three notes at this loudspeaker. Returns whether the browser let it. */
async function play(loudspeaker: string, volume: number): Promise<boolean> {
  const context = new AudioContext();
  const out = context.createMediaStreamDestination();
  const audio = new Audio();
  audio.srcObject = out.stream;
  audio.volume = volume;
  try {
    // A loudspeaker that was unplugged: the system's own will do.
    if (loudspeaker !== "" && "setSinkId" in audio) await audio.setSinkId(loudspeaker).catch(() => undefined);
    await context.resume();
    await audio.play();
    NOTES.forEach((hertz, index) => {
      const at = context.currentTime + 0.1 + index * NOTE_SECONDS;
      const gain = new GainNode(context, { gain: 0 });
      const tone = new OscillatorNode(context, { frequency: hertz });
      tone.connect(gain).connect(out);
      gain.gain.setTargetAtTime(0.4, at, 0.01);
      gain.gain.setTargetAtTime(0, at + NOTE_SECONDS * 0.6, 0.05);
      tone.start(at);
      tone.stop(at + NOTE_SECONDS * 2);
    });
    await new Promise((resolve) => setTimeout(resolve, 1_000 * NOTE_SECONDS * (NOTES.length + 2)));
    return true;
  } catch {
    return false;
  } finally {
    audio.srcObject = null;
    context.close().catch(() => undefined);
  }
}

export const playTestSound = play;

/** Calls somebody who looks elsewhere: by a sound and, where that is allowed, by a notification of the system. */
export function call(title: string, loudspeaker: string): void {
  void play(loudspeaker, 1);
  if (!("Notification" in globalThis) || Notification.permission !== "granted") return;
  try {
    const notification = new Notification(title, { requireInteraction: true, tag: "dinh" });
    notification.onclick = () => {
      window.focus();
      notification.close();
    };
  } catch {
    // Phones show notifications of service workers only.
  }
}
