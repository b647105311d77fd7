// Parts of the page that only some people need, fetched when one of them is here.

import { later } from "./patience.ts";

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

/** What checks the line of a place that waits, hours before anybody goes in. */
export const selfCheck = () => later(() => import("./linecheck/SelfCheck.svelte"), () => undefined);
