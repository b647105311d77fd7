// A moving picture: what a check sends. At first hardly anything moves in it, then everything.

/** The size that most sites see. */
const WIDTH = 640;
const HEIGHT = 360;
export const FRAMES_PER_SECOND = 25;
/** What moves at first: a packet for each picture, and no more. */
const CALM = { width: 48, height: 32 } as const;
/**
 * A block of noise is so wide, and fades into the next one: at its best the picture fills a line of two megabits, and at
 * its worst goes through one that carries a tenth of that. Smaller: an encoder leaves pictures out.
 */
const COARSE = 20;

export interface TestPicture {
  readonly track: MediaStreamTrack;
  /** From now on it is as hard to encode as a picture can be. */
  fill(): void;
  stop(): void;
}

function addNoise(noise: ImageData): void {
  const { data } = noise;
  for (let at = 0; at < data.length; at += 4) {
    const shade = 64 + Math.random() * 128;
    data[at] = shade;
    data[at + 1] = 255 - shade;
    data[at + 2] = shade / 2;
    data[at + 3] = 255;
  }
}

/** Draws until it is stopped; `null` where the browser cannot. */
export function testPicture(): TestPicture | null {
  const canvas = document.createElement("canvas");
  const coarse = document.createElement("canvas");
  [canvas.width, canvas.height, coarse.width, coarse.height] = [WIDTH, HEIGHT, WIDTH / COARSE, HEIGHT / COARSE];
  const [pen, pencil] = [canvas.getContext("2d"), coarse.getContext("2d")];
  if (pen === null || pencil === null || !("captureStream" in canvas)) return null;
  const noise = pencil.createImageData(coarse.width, coarse.height);
  let isFull = false;
  const draw = (): void => {
    addNoise(noise);
    pencil.putImageData(noise, 0, 0);
    pen.drawImage(coarse, 0, 0, isFull ? WIDTH : CALM.width, isFull ? HEIGHT : CALM.height);
  };
  pen.fillStyle = "#456";
  pen.fillRect(0, 0, WIDTH, HEIGHT);
  draw();
  const timer = setInterval(draw, 1_000 / FRAMES_PER_SECOND);
  const [track] = canvas.captureStream(FRAMES_PER_SECOND).getVideoTracks();
  const stop = (): void => {
    clearInterval(timer);
    track?.stop();
  };
  if (track === undefined) {
    stop();
    return null;
  }
  const fill = (): void => {
    isFull = true;
  };
  return { track, fill, stop };
}
