// Fetches a part of the page on a line that may break meanwhile.

/** Pauses before trying again, in milliseconds. After the last the page is loaded anew: the server may be a newer one. */
const PAUSES_MS = [500, 1_000, 2_000, 4_000, 8_000] as const;

/** What `load` brings. A line that breaks meanwhile is waited for; `giveUp` is the last resort. */
export async function later<T>(load: () => Promise<T>, giveUp: () => void): Promise<T> {
  for (const pause of PAUSES_MS) {
    try {
      return await load();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
  giveUp();
  return load();
}
