// What a key does on the pages of the schedule. Pure.

import { type Day, inMonth, monthOf, plusDays, plusMonths } from "./day.ts";

export const VIEWS = ["month", "week", "list"] as const;
export type View = (typeof VIEWS)[number];

/** Where somebody looks. */
export interface Looking {
  readonly view: View;
  readonly day: Day;
}

export type Deed = { readonly is: "look"; readonly at: Looking } | { readonly is: "new" };

const ARROWS: Readonly<Record<string, number>> = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 };
const VIEW_KEYS: Readonly<Record<string, View>> = { m: "month", w: "week", l: "list" };

/** A page on or back: a month, or a week. */
export function turned({ view, day }: Looking, by: 1 | -1): Day {
  return view === "week" ? plusDays(day, by * 7) : inMonth(day, plusMonths(monthOf(day), by));
}

/** What `key` does; `null` for one that does nothing here. */
export function deedOf(key: string, looking: Looking, today: Day): Deed | null {
  const look = (part: Partial<Looking>): Deed => ({ is: "look", at: { ...looking, ...part } });
  const view = VIEW_KEYS[key];
  if (view !== undefined) return look({ view });
  const days = ARROWS[key];
  // In a list the arrows up and down go from line to line, as everywhere.
  if (days !== undefined) return looking.view === "list" && Math.abs(days) === 7 ? null : look({ day: plusDays(looking.day, days) });
  switch (key) {
    case "PageUp":
      return look({ day: turned(looking, -1) });
    case "PageDown":
      return look({ day: turned(looking, 1) });
    case "t":
      return look({ day: today });
    case "n":
      return { is: "new" };
    default:
      return null;
  }
}
