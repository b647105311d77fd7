// A year at a glance: how much there is on each of its days. Pure.

import { type Day, firstOf, lengthOf, type Month, plusDays, weekdayOf } from "./day.ts";

export interface YearDay {
  readonly day: Day;
  readonly count: number;
}

export interface YearMonth {
  readonly month: Month;
  /** How many days of the first week are another month's. */
  readonly before: number;
  readonly days: readonly YearDay[];
  readonly count: number;
}

export function yearOf(year: number, counts: ReadonlyMap<Day, number>): readonly YearMonth[] {
  return Array.from({ length: 12 }, (_, index) => {
    const month = `${year}-${String(index + 1).padStart(2, "0")}`;
    const own = Array.from({ length: lengthOf(month) }, (__, at) => {
      const day = plusDays(firstOf(month), at);
      return { day, count: counts.get(day) ?? 0 };
    });
    return { month, before: weekdayOf(firstOf(month)), days: own, count: own.reduce((sum, { count }) => sum + count, 0) };
  });
}

/** Four shades tell more from less; nobody counts by them. */
export const strengthOf = (count: number): 0 | 1 | 2 | 3 => (count === 0 ? 0 : count === 1 ? 1 : count <= 3 ? 2 : 3);
