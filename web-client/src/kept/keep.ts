// What a page has to do with the service worker that keeps the check's page.

/** Where a place looks at its line, with its link or without one. */
export const CHECK_PATH = "/check";

/** The name that the build gives the worker. */
const WORKER = "/check-worker.js";

/**
 * Has the browser keep the check's page, for a day on which the server cannot be reached. Where a browser does not, because
 * the page is not secure or storing is forbidden, everything else works.
 */
export async function keepCheckPage(): Promise<void> {
  if (!import.meta.env.PROD) return;
  try {
    const registration = await navigator.serviceWorker.register(WORKER, { scope: CHECK_PATH, updateViaCache: "none" });
    await registration.update();
  } catch {
    // See above.
  }
}

/** Whether this page is the kept one: the server could not be reached when it was opened. */
export function isKept(): boolean {
  return "kept" in document.documentElement.dataset;
}

/** Fetches the server's own page, once it can be had. What a person has loaded again does not do so by itself. */
export function leaveKept(): void {
  const [entry] = performance.getEntriesByType("navigation");
  if (entry instanceof PerformanceNavigationTiming && entry.type !== "reload") location.reload();
}
