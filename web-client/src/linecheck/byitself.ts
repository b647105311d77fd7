// A page that waits for its conference checks its line by itself, at the moments that the server names.

import type { Outcome } from "./contract.ts";

/** Longest that one moment is waited for, in seconds: then the server is asked again, because conferences are moved. */
const ASK_SECONDS = 3_600;

/** How long after one that came to nothing it is tried once more, in seconds: at least, and at random up to twice that. */
const AGAIN_SECONDS = 30;

/** What of the server and the browser it needs. */
export interface Duty {
  /** In how many seconds checks are due, the first one first; none any more when the conference runs; `null`: no answer. */
  readonly due: () => Promise<readonly number[] | null>;
  /** One whole check; `null` if the server took none now. */
  readonly check: () => Promise<Outcome | null>;
  /** Ends sooner when `signal` says so. */
  readonly wait?: (seconds: number, signal: AbortSignal) => Promise<void>;
  readonly random?: () => number;
}

function pause(seconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    setTimeout(done, seconds * 1_000);
    signal.addEventListener("abort", () => done(), { once: true });
  });
}

/** What came of the last one. */
export interface Checked {
  readonly outcome: Outcome;
  /** This machine's clock, in milliseconds. */
  readonly at: number;
}

/** Checks whenever it is due, until `signal` says that somebody goes in, or none is due any more. */
export async function checkByItself({ due, check, wait = pause, random = Math.random }: Duty, onChecked: (checked: Checked) => void, signal: AbortSignal): Promise<void> {
  for (;;) {
    const moments = await due();
    if (signal.aborted) return;
    const [next] = moments ?? [ASK_SECONDS];
    if (next === undefined) return;
    await wait(Math.min(next, ASK_SECONDS), signal);
    if (signal.aborted) return;
    if (moments === null || next > ASK_SECONDS) continue;
    let outcome = await check();
    if (outcome === null && !signal.aborted) {
      await wait(AGAIN_SECONDS * (1 + random()), signal);
      if (signal.aborted) return;
      outcome = await check();
    }
    if (signal.aborted) return;
    if (outcome !== null) onChecked({ outcome, at: Date.now() });
  }
}
