// Whether a video element is being fed: tells a picture from the last frame of one.

/** Time without a frame after which there is no picture, in milliseconds. A still screen sends about one frame a second. */
const STALL_MS = 5_000;
const LOOK_MS = 1_000;

/** A video element that counts what it has painted, in versions of Firefox that can tell in no other way. */
interface Painting {
  readonly mozPaintedFrames?: number;
}

/**
 * Counts frames of `video`: one each time that it is asked, if any came. An old machine has no time to be woken by each
 * of them. Not by `getVideoPlaybackQuality` where there is another way: Firefox counts no frames of a live
 * stream in it.
 */
function countFrames(video: HTMLVideoElement, onFrame: () => void, signal: AbortSignal): () => number {
  if ("requestVideoFrameCallback" in video) {
    let frames = 0;
    let isAwaited = false;
    const look = (): void => {
      if (isAwaited || signal.aborted) return;
      isAwaited = true;
      video.requestVideoFrameCallback(() => {
        isAwaited = false;
        frames += 1;
        onFrame();
      });
    };
    look();
    return () => {
      const counted = frames;
      look();
      return counted;
    };
  }
  const older: HTMLVideoElement & Painting = video;
  return () => older.mozPaintedFrames ?? older.getVideoPlaybackQuality().totalVideoFrames;
}

/** Calls `onFlow` when frames begin and cease to come, until `signal` aborts. */
export function followFrames(
  video: HTMLVideoElement,
  onFlow: (isFlowing: boolean) => void,
  signal: AbortSignal,
): void {
  let still = 0;
  let isFlowing = false;
  const tell = (flowing: boolean) => {
    if (flowing === isFlowing || signal.aborted) return;
    isFlowing = flowing;
    onFlow(flowing);
  };
  const count = countFrames(video, () => tell(true), signal);
  let frames = count();
  const timer = setInterval(() => {
    const now = count();
    still = now === frames ? still + LOOK_MS : 0;
    if (now !== frames) tell(true);
    else if (still >= STALL_MS) tell(false);
    frames = now;
  }, LOOK_MS);
  signal.addEventListener("abort", () => clearInterval(timer), { once: true });
}
