// Waiting for something to become true, with a limit and a reason.

const POLL_MS = 50;

/** Waits some milliseconds; only where time itself is what is tested. */
export const passing = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

/**
 * Asks again and again until the answer is truthy, and returns it.
 * When the time is over it fails, saying what was awaited and what the last answer was.
 */
export async function until(what, ask, { seconds = 10 } = {}) {
  const end = Date.now() + seconds * 1000;
  let last;
  for (;;) {
    try {
      last = await ask();
      if (last) return last;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) {
      const answer = last instanceof Error ? last.stack : JSON.stringify(last);
      throw new Error(`not within ${seconds} s: ${what} (last answer: ${answer})`);
    }
    await passing(POLL_MS);
  }
}
