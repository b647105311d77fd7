// What a page of the gallery has asked for and has not been given yet: however busy the machine, a state is looked at
// with all its answers there.

/** What has not been answered in this time is not going to be, in milliseconds: some states hold an answer back. */
const PATIENCE_MS = 3_000;
/** The page does something with an answer, and may ask the next thing, in milliseconds. */
const PAUSE_MS = 10;

/** The requests of each page that is watched, and since when they wait. */
const waiting = new WeakMap();

/** Begins to keep what `page` asks for. */
export function watchRequests(page) {
  const requests = new Map();
  waiting.set(page, requests);
  page.on("request", (request) => requests.set(request, Date.now()));
  for (const end of ["requestfinished", "requestfailed"]) page.on(end, (request) => requests.delete(request));
  // What the page before has asked for ends with it, and is not always said to have ended.
  page.on("framenavigated", (frame) => frame === page.mainFrame() && requests.clear());
}

/** Waits, really, until what `page` has asked for is there. */
export async function answered(page) {
  const requests = waiting.get(page);
  do await page.waitForTimeout(PAUSE_MS);
  while ([...requests.values()].some((since) => Date.now() - since < PATIENCE_MS));
}
