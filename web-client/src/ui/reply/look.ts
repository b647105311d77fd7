// What only a check of the line needs, fetched when one is made.

import { LineCheck, NOT_BEGUN } from "../../linecheck/check.ts";
import { type Outcome, SERVER_FULL } from "../../linecheck/contract.ts";
import { doorsFor } from "../../linecheck/doors.ts";
import { openSocket } from "../../socket.ts";
import LineOutcome from "./LineOutcome.svelte";

export { LineOutcome };

/** One check of the line of the site whose code this is; `null` if the server takes none now. */
export async function look(code: string, signal: AbortSignal): Promise<Outcome | null> {
  let progress = NOT_BEGUN;
  await new LineCheck(doorsFor({ token: code, connectSocket: openSocket }), (next) => (progress = next), signal).run();
  return progress.outcome === SERVER_FULL ? null : progress.outcome;
}
