// Days as a calendar on the wall has them, without an hour and without a zone: `2026-11-30`. Pure.

export type Day = string;
/** `2026-11`. */
export type Month = string;
/** Monday is 0, as weeks begin here. */
export type Weekday = 0 | 1 | 2 | 3 | 4 | 5 | 6;
export const WEEKDAYS: readonly Weekday[] = [0, 1, 2, 3, 4, 5, 6];

const DAY_MS = 86_400_000;

const midnight = (day: Day): number => Date.parse(`${day}T00:00:00Z`);
const dayAt = (ms: number): Day => new Date(ms).toISOString().slice(0, 10);

/** Whether it is one that there is: no 30 February. */
export function isDay(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/u.test(text) && !Number.isNaN(midnight(text)) && dayAt(midnight(text)) === text;
}

export function plusDays(day: Day, days: number): Day {
  return dayAt(midnight(day) + days * DAY_MS);
}

/** How many days `to` is after `from`. */
export function daysBetween(from: Day, to: Day): number {
  return Math.round((midnight(to) - midnight(from)) / DAY_MS);
}

export function weekdayOf(day: Day): Weekday {
  return ((new Date(midnight(day)).getUTCDay() + 6) % 7) as Weekday;
}

/** The Monday of its week. */
export function mondayOf(day: Day): Day {
  return plusDays(day, -weekdayOf(day));
}

export const monthOf = (day: Day): Month => day.slice(0, 7);
export const firstOf = (month: Month): Day => `${month}-01`;
export const dayOfMonth = (day: Day): number => Number(day.slice(8));

export function plusMonths(month: Month, months: number): Month {
  const [year, ordinal] = [Number(month.slice(0, 4)), Number(month.slice(5, 7))];
  return new Date(Date.UTC(year, ordinal - 1 + months, 1)).toISOString().slice(0, 7);
}

export function lengthOf(month: Month): number {
  return daysBetween(firstOf(month), firstOf(plusMonths(month, 1)));
}

/** The same day of another month, or its last one where it is shorter. */
export function inMonth(day: Day, month: Month): Day {
  return `${month}-${String(Math.min(dayOfMonth(day), lengthOf(month))).padStart(2, "0")}`;
}

/** A moment as `Intl` takes it to write the day: format it in UTC. */
export const written = (day: Day): number => midnight(day);
