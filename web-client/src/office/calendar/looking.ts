// Where on the schedule somebody looks, in the address of the page: it can be sent to somebody, and a reload comes back. Pure.

import { type Day, firstOf, isDay, monthOf, mondayOf, plusDays } from "./day.ts";
import { type Looking, VIEWS } from "./keys.ts";
import { rangeOf } from "./month.ts";

export function readLooking(query: URLSearchParams, today: Day): Looking {
  const [view, day] = [VIEWS.find((known) => known === query.get("view")), query.get("day") ?? ""];
  return { view: view ?? "month", day: isDay(day) ? day : today };
}

export const writtenLooking = ({ view, day }: Looking): Readonly<Record<string, string>> => ({ view, day });

/** So many days a list shows. */
const LISTED_DAYS = 62;

/** The first and the last day that is shown. */
export function shownBy({ view, day }: Looking): { readonly from: Day; readonly to: Day } {
  switch (view) {
    case "month":
      return rangeOf(monthOf(day));
    case "week":
      return { from: mondayOf(day), to: plusDays(mondayOf(day), 6) };
    case "list": {
      const from = firstOf(monthOf(day));
      return { from, to: plusDays(from, LISTED_DAYS) };
    }
  }
}
