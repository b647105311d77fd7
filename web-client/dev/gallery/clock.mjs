// The clock of a page in the gallery stands still but for the steps: however busy the machine, the state is the same.

/** The pages of `context` begin with a clock that stands still. */
export async function stopClocks(context) {
  const now = Date.now();
  await context.clock.install({ time: now - 60_000 });
  await context.clock.pauseAt(now);
}

/** Time goes by in this page, and in no other of its context: what the context is told is told to each page that is made. */
export function runFor(page, ms) {
  return page.evaluate((time) => globalThis.__pwClock.controller.runFor(time), ms);
}
