// Whether a video element is being fed: tells a picture from the last frame of one.

/** Time without a frame after which there is no picture, in milliseconds. A still screen sends about one frame a second. */
const STALL_MS = 5_000;
const LOOK_MS = 1_000;

/** Calls `onFlow` when frames begin and cease to come, until `signal` aborts. */
export function followFrames(
  video: HTMLVideoElement,
  onFlow: (isFlowing: boolean) => void,
  signal: AbortSignal,
): void {
  let frames = video.getVideoPlaybackQuality().totalVideoFrames;
  let still = 0;
  let isFlowing = false;
  const tell = (flowing: boolean) => {
    if (flowing === isFlowing || signal.aborted) return;
    isFlowing = flowing;
    onFlow(flowing);
  };
  // The first frame at once where the browser can tell; the later ones by counting now and then.
  if ("requestVideoFrameCallback" in video) video.requestVideoFrameCallback(() => tell(true));
  const timer = setInterval(() => {
    const { totalVideoFrames } = video.getVideoPlaybackQuality();
    still = totalVideoFrames === frames ? still + LOOK_MS : 0;
    if (totalVideoFrames !== frames) tell(true);
    else if (still >= STALL_MS) tell(false);
    frames = totalVideoFrames;
  }, LOOK_MS);
  signal.addEventListener("abort", () => clearInterval(timer), { once: true });
}
