// For how long received pictures are held back on a lossy line, so that what was lost and is asked for again is there
// in time: without that each packet that is lost twice is a picture that stands still. Pure.

import type { Reading } from "./stats.ts";

/** Between two requests for a packet: browsers ask ten times a second. */
const AGAIN_MS = 110;
/** One of so many lost packets may come too late; and no picture waits longer than that, which is as long as sound does. */
const LATE = 0.02;
const MOST_MS = 440;
/** Below this share of loss there is nothing to wait for. */
const LITTLE = 0.02;
/** So many packets must be lost from one reading to the next before one speaks of a share. */
const ENOUGH_LOST = 5;
/** After so long without need pictures are held back no longer. */
const PATIENCE_MS = 30_000;

/** How long it takes to get a packet on a line that loses this share each way: a request is lost as well as its answer. */
function waitFor(loss: number): number {
  if (loss < LITTLE) return 0;
  const fails = 1 - (1 - loss) ** 2;
  return Math.min(MOST_MS, AGAIN_MS * Math.ceil(Math.log(LATE) / Math.log(fails)));
}

function lossBetween(before: Reading, now: Reading): number {
  const lost = now.packetsLost - before.packetsLost;
  const received = now.packetsReceived - before.packetsReceived;
  return lost < ENOUGH_LOST || received <= 0 ? 0 : lost / (lost + received);
}

/** For how long the pictures of one connection are held back. */
export class PictureHold {
  #last: Reading | null = null;
  #ms = 0;
  #neededAt = 0;

  /** Takes the next reading; returns for how many milliseconds pictures are held back from now on. */
  next(reading: Reading): number {
    const wanted = this.#last === null ? 0 : waitFor(lossBetween(this.#last, reading));
    this.#last = reading;
    if (wanted >= this.#ms) {
      this.#ms = wanted;
      this.#neededAt = reading.at;
    } else if (reading.at - this.#neededAt > PATIENCE_MS) {
      this.#ms = wanted;
    }
    return this.#ms;
  }
}
