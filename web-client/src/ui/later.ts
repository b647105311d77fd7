// Parts of the page that only some people need, fetched when one of them is here.

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

const anew = (): void => location.reload();

const fetchRoom = () => import("./room.ts");

/** What everybody needs who goes in. */
export const room = () => later(fetchRoom, anew);

/** Fetches it while there is time. */
export async function prepareRoom(): Promise<void> {
  await fetchRoom().catch(() => undefined);
}

/** The operator's desk, of which a site needs nothing. */
export const operatorPage = () => later(() => import("./operator/OperatorPage.svelte"), anew);

/** What looks at the line and the devices, of which a conference needs nothing. */
export const lineCheckPage = () => later(() => import("./linecheck/LineCheckPage.svelte"), anew);
