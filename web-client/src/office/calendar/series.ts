// A series in the words of the form, read from and written as a rule of RFC 5545 §3.3.10. The server expands it; what is
// expanded here is shown while somebody writes. Pure.

import { type Day, dayOfMonth, firstOf, inMonth, isDay, lengthOf, mondayOf, monthOf, plusDays, plusMonths, type Weekday, weekdayOf } from "./day.ts";
import { localAt } from "./zone.ts";

/** Which of the month's Mondays; -1 is the last. */
export type Nth = 1 | 2 | 3 | 4 | -1;

export type Repeat =
  | { readonly unit: "day" }
  | { readonly unit: "week"; readonly weekdays: readonly Weekday[] }
  | { readonly unit: "month"; readonly day: number }
  | { readonly unit: "monthByWeekday"; readonly nth: Nth; readonly weekday: Weekday };

/** A series ends: the server plans no further than somebody has thought. */
export type End = { readonly is: "count"; readonly count: number } | { readonly is: "until"; readonly day: Day };

export interface Series {
  /** Each one, every second one, … */
  readonly every: number;
  readonly repeat: Repeat;
  readonly end: End;
}

const NAMES = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"] as const;
const NTHS: readonly Nth[] = [1, 2, 3, 4, -1];
const KNOWN = new Set(["FREQ", "INTERVAL", "BYDAY", "BYMONTHDAY", "COUNT", "UNTIL", "WKST"]);

const weekdayCalled = (name: string): Weekday | null => {
  const at = NAMES.findIndex((known) => known === name);
  return at < 0 ? null : (at as Weekday);
};

function readWeekdays(text: string): readonly Weekday[] | null {
  const all = text.split(",").map(weekdayCalled);
  return all.some((one) => one === null) ? null : (all as Weekday[]).sort((one, other) => one - other);
}

function readMonthly(byDay: string | undefined, byMonthDay: string | undefined, start: Day): Repeat | null {
  if (byDay !== undefined && byMonthDay !== undefined) return null;
  if (byDay === undefined) {
    const day = byMonthDay === undefined ? dayOfMonth(start) : Number(byMonthDay);
    return Number.isInteger(day) && day >= 1 && day <= 31 ? { unit: "month", day } : null;
  }
  const [, count = "", name = ""] = /^([+-]?\d)([A-Z]{2})$/u.exec(byDay) ?? [];
  const nth = NTHS.find((known) => known === Number(count));
  const weekday = weekdayCalled(name);
  return nth === undefined || weekday === null ? null : { unit: "monthByWeekday", nth, weekday };
}

function readRepeat(parts: ReadonlyMap<string, string>, start: Day): Repeat | null {
  const byDay = parts.get("BYDAY");
  switch (parts.get("FREQ") ?? "") {
    case "DAILY":
      return byDay === undefined ? { unit: "day" } : null;
    case "WEEKLY": {
      const weekdays = byDay === undefined ? [weekdayOf(start)] : readWeekdays(byDay);
      return weekdays === null ? null : { unit: "week", weekdays };
    }
    case "MONTHLY":
      return readMonthly(byDay, parts.get("BYMONTHDAY"), start);
    default:
      return null;
  }
}

function readUntil(text: string, zone: string): Day | null {
  const [, year, month, day, time] = /^(\d{4})(\d{2})(\d{2})(?:T(\d{6})Z?)?$/u.exec(text) ?? [];
  const written = `${year}-${month}-${day}`;
  if (!isDay(written)) return null;
  if (time === undefined || !text.endsWith("Z")) return written;
  const moment = Date.parse(`${written}T${time.slice(0, 2)}:${time.slice(2, 4)}:${time.slice(4)}Z`);
  return Number.isNaN(moment) ? null : localAt(moment, zone).day;
}

function readEnd(parts: ReadonlyMap<string, string>, zone: string): End | null {
  const [count, until] = [parts.get("COUNT"), parts.get("UNTIL")];
  if (count !== undefined) return /^[1-9]\d{0,4}$/u.test(count) ? { is: "count", count: Number(count) } : null;
  if (until === undefined) return null;
  const day = readUntil(until, zone);
  return day === null ? null : { is: "until", day };
}

/** What a rule means; `null` for one that the form has no words for. */
export function readRule(rule: string, start: Day, zone: string): Series | null {
  const parts = new Map(rule.replace(/^RRULE:/u, "").split(";").map((part): [string, string] => {
    const [name = "", value = ""] = part.split("=");
    return [name, value];
  }));
  if ([...parts.keys()].some((name) => !KNOWN.has(name))) return null;
  const every = Number(parts.get("INTERVAL") ?? "1");
  const repeat = readRepeat(parts, start);
  const end = readEnd(parts, zone);
  return repeat === null || end === null || !Number.isInteger(every) || every < 1 ? null : { every, repeat, end };
}

function repeatParts(repeat: Repeat): readonly string[] {
  switch (repeat.unit) {
    case "day":
      return ["FREQ=DAILY"];
    case "week":
      return ["FREQ=WEEKLY", `BYDAY=${repeat.weekdays.map((weekday) => NAMES[weekday]).join(",")}`];
    case "month":
      return ["FREQ=MONTHLY", `BYMONTHDAY=${repeat.day}`];
    case "monthByWeekday":
      return ["FREQ=MONTHLY", `BYDAY=${repeat.nth}${NAMES[repeat.weekday]}`];
  }
}

export function writeRule({ every, repeat, end }: Series): string {
  return [
    ...repeatParts(repeat),
    ...(every > 1 ? [`INTERVAL=${every}`] : []),
    end.is === "count" ? `COUNT=${end.count}` : `UNTIL=${end.day.replaceAll("-", "")}`,
  ].join(";");
}

/** So far is looked for a day: a month of every 31st, a year apart, is there by then. */
const MOST_STEPS = 1_200;

function nthOf(month: string, nth: Nth, weekday: Weekday): Day {
  const first = firstOf(month);
  const toFirst = (weekday - weekdayOf(first) + 7) % 7;
  if (nth > 0) return plusDays(first, toFirst + (nth - 1) * 7);
  const last = plusDays(first, lengthOf(month) - 1);
  return plusDays(last, -((weekdayOf(last) - weekday + 7) % 7));
}

/** The days of one step: a day, a week or a month, so many after that of `start`. */
function daysOfStep(repeat: Repeat, start: Day, step: number): readonly Day[] {
  switch (repeat.unit) {
    case "day":
      return [plusDays(start, step)];
    case "week":
      return repeat.weekdays.map((weekday) => plusDays(mondayOf(start), step * 7 + weekday));
    case "month": {
      const month = plusMonths(monthOf(start), step);
      return repeat.day > lengthOf(month) ? [] : [inMonth(`2000-01-${String(repeat.day).padStart(2, "0")}`, month)];
    }
    case "monthByWeekday":
      return [nthOf(plusMonths(monthOf(start), step), repeat.nth, repeat.weekday)];
  }
}

/** The first days of a series that begins on or after `start`, `most` of them at most. */
export function daysOf({ every, repeat, end }: Series, start: Day, most: number): readonly Day[] {
  const count = end.is === "count" ? Math.min(end.count, most) : most;
  const found: Day[] = [];
  for (let step = 0; step < MOST_STEPS && found.length < count; step++) {
    for (const day of daysOfStep(repeat, start, step * every)) {
      if (end.is === "until" && day > end.day) return found;
      if (day >= start && found.length < count) found.push(day);
    }
  }
  return found;
}

/** What somebody means who ticks "repeats" on a day: every week, to the end of the year. */
export function usualSeries(start: Day): Series {
  const year = Number(start.slice(0, 4)) + (start.slice(5, 7) === "12" ? 1 : 0);
  return { every: 1, repeat: { unit: "week", weekdays: [weekdayOf(start)] }, end: { is: "until", day: `${year}-12-31` } };
}

/** The same rhythm in another unit, as near to the day on which it begins as can be. */
export function inUnit(series: Series, unit: Repeat["unit"], start: Day): Series {
  const weekday = weekdayOf(start);
  const ordinal = Math.ceil(dayOfMonth(start) / 7);
  const repeats: Readonly<Record<Repeat["unit"], Repeat>> = {
    day: { unit: "day" },
    week: { unit: "week", weekdays: [weekday] },
    month: { unit: "month", day: dayOfMonth(start) },
    monthByWeekday: { unit: "monthByWeekday", nth: NTHS.find((nth) => nth === ordinal) ?? -1, weekday },
  };
  return { ...series, repeat: repeats[unit] };
}
