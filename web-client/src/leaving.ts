// Whether others miss whoever leaves now. Pure.

import type { ConferenceState } from "./conference.ts";

/** What others lose. */
export type Loss = "hall" | "moderator" | "speaking" | "waiting";

/** What is lost when this place leaves now; `null`: nobody misses it. */
export function mattering({ me, self, conference }: ConferenceState): Loss | null {
  if (me === null || conference?.state === "ended") return null;
  if (me.role === "hall") return "hall";
  if (self.floor === "holding" || self.onStage) return "speaking";
  if (me.role === "operator" || me.role === "chair") return "moderator";
  return self.floor === "waiting" ? "waiting" : null;
}
