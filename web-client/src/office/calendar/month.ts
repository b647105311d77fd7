// A month as whole weeks, and which day of the calendar something is on. Pure.

import { type Day, firstOf, lengthOf, mondayOf, type Month, monthOf, plusDays, WEEKDAYS } from "./day.ts";
import { localAt } from "./zone.ts";

/** What begins at a moment. */
export interface Begins {
  readonly startsAt: string;
}

/** The weeks that a month touches, each from Monday to Sunday. */
export function weeksOf(month: Month): readonly (readonly Day[])[] {
  const first = mondayOf(firstOf(month));
  const last = plusDays(firstOf(month), lengthOf(month) - 1);
  const weeks: Day[][] = [];
  for (let monday = first; monday <= last; monday = plusDays(monday, 7)) weeks.push(weekFrom(monday));
  return weeks;
}

/** The seven days from a Monday. */
export const weekFrom = (monday: Day): Day[] => WEEKDAYS.map((weekday) => plusDays(monday, weekday));

/** All that a month's page shows: the ends of the months beside it too. */
export function rangeOf(month: Month): { readonly from: Day; readonly to: Day } {
  const weeks = weeksOf(month);
  const from = weeks[0]?.[0] ?? firstOf(month);
  return { from, to: plusDays(from, weeks.length * 7 - 1) };
}

/** By the day on which it begins for whoever looks, the earliest first. */
export function byDay<Kind extends Begins>(all: readonly Kind[], zone: string): ReadonlyMap<Day, readonly Kind[]> {
  const days = new Map<Day, Kind[]>();
  for (const one of [...all].sort((left, right) => Date.parse(left.startsAt) - Date.parse(right.startsAt))) {
    const { day } = localAt(Date.parse(one.startsAt), zone);
    const there = days.get(day);
    if (there === undefined) days.set(day, [one]);
    else there.push(one);
  }
  return days;
}

/** What was asked for, with one day of it as it is by now. */
export function withDay<Kind extends Begins>(all: readonly Kind[], day: Day, now: readonly Kind[] | null, zone: string): readonly Kind[] {
  // One that has begun the day before and goes on is not of that day.
  const isOf = ({ startsAt }: Begins): boolean => localAt(Date.parse(startsAt), zone).day === day;
  return now === null ? all : [...all.filter((one) => !isOf(one)), ...now.filter(isOf)];
}

export const isIn = (day: Day, month: Month): boolean => monthOf(day) === month;
