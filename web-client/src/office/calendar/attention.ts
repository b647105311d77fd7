// What of the next days somebody should look at, the most pressing first. Pure.

import type { Occurrence } from "./contract.ts";

/** What is known of an occurrence besides: left out where nobody has asked. */
export interface Known {
  readonly invitations?: { readonly unanswered: number; readonly refused: number; readonly toTellAgain: number; readonly unsent: number };
  readonly conflicts?: number;
  readonly badLines?: number;
}

export const CONCERNS = ["conflict", "refused", "toTellAgain", "unsent", "badLines", "draft", "unanswered"] as const;
export type Concern = (typeof CONCERNS)[number];

export interface Attention {
  readonly concern: Concern;
  readonly occurrence: Occurrence;
  readonly count: number;
}

const HOUR_MS = 3_600_000;
/** So long before the beginning it presses. */
const PRESSING_HOURS: Readonly<Record<Concern, number>> = { conflict: 24 * 30, refused: 24 * 14, toTellAgain: 24 * 14, unsent: 24 * 7, badLines: 24, draft: 24 * 14, unanswered: 48 };

function countsOf(occurrence: Occurrence, known: Known): Readonly<Record<Concern, number>> {
  const { invitations, conflicts = 0, badLines = 0 } = known;
  const { unanswered = 0, refused = 0, toTellAgain = 0, unsent = 0 } = invitations ?? {};
  return { conflict: conflicts, refused, toTellAgain, unsent, badLines, draft: occurrence.state === "draft" ? 1 : 0, unanswered };
}

/** What presses at `now`; of a series each concern once, by its next occurrence. */
export function attentionOf(occurrences: readonly Occurrence[], known: ReadonlyMap<string, Known>, now: number): readonly Attention[] {
  const found = new Map<string, Attention>();
  for (const occurrence of [...occurrences].sort((one, other) => Date.parse(one.startsAt) - Date.parse(other.startsAt))) {
    const hours = (Date.parse(occurrence.startsAt) - now) / HOUR_MS;
    if (hours < 0 || occurrence.state === "cancelled" || occurrence.state === "past") continue;
    const counts = countsOf(occurrence, known.get(occurrence.booking) ?? {});
    for (const concern of CONCERNS) {
      const key = `${concern} ${occurrence.booking}`;
      if (counts[concern] > 0 && hours <= PRESSING_HOURS[concern] && !found.has(key)) found.set(key, { concern, occurrence, count: counts[concern] });
    }
  }
  // Within the same day the worse first; a later day is less pressing whatever it is.
  const day = ({ occurrence }: Attention): number => Math.floor((Date.parse(occurrence.startsAt) - now) / (24 * HOUR_MS));
  const rank = ({ concern }: Attention): number => CONCERNS.indexOf(concern);
  return [...found.values()].sort((one, other) => day(one) - day(other) || rank(one) - rank(other));
}
