// A series as one sentence, in the language of the page. Pure: the words are given.

import { withYear } from "../../dates.ts";
import { type Day, WEEKDAYS, type Weekday, written } from "./day.ts";
import type { Nth, Repeat, Series } from "./series.ts";
import { hourOf } from "./zone.ts";

type NthName = "first" | "second" | "third" | "fourth" | "last";
export type SeriesKey =
  | `series.${"day" | "days" | "week" | "weeks" | "workdays" | "month" | "months" | "at" | "times" | "until" | "except" | "moved" | "sentence"}`
  | `series.nth_${NthName}`
  | `series.nths_${NthName}`;

/** How one language says it. */
export interface Words {
  readonly language: string;
  readonly t: (key: SeriesKey, values?: object) => string;
}

/** What of a series is otherwise: left out, or on another day or hour. */
export interface SeriesException {
  readonly day: Day;
  /** `null`: it is left out. */
  readonly movedTo: { readonly day: Day; readonly minute: number } | null;
}

const NTH_NAMES: Readonly<Record<Nth, NthName>> = { 1: "first", 2: "second", 3: "third", 4: "fourth", [-1]: "last" };
/** A Monday. */
const SOME_MONDAY = Date.UTC(2024, 0, 1);
/** Working days, of which nobody says each. */
const WORKDAYS = "0,1,2,3,4";
/** So many exceptions are named; of more it is said how many. */
const MOST_NAMED = 6;

export function weekdayName(weekday: Weekday, language: string, width: "long" | "short" | "narrow" = "long"): string {
  return new Intl.DateTimeFormat(language, { weekday: width, timeZone: "UTC" }).format(SOME_MONDAY + weekday * 86_400_000);
}

export const weekdayNames = (language: string, width: "long" | "short" | "narrow"): readonly string[] =>
  WEEKDAYS.map((weekday) => weekdayName(weekday, language, width));

/** A day as people write it: 30/11/2026 or 30 November 2026. */
export function dayName(day: Day, language: string, style: "long" | "medium" | "full" | "short" = "medium"): string {
  // What Vietnamese has of these are a year of two digits and "thg 11": its officials write 30/11/2026.
  const isInDigits = style === "short" || (style === "medium" && language === "vi");
  const how: Intl.DateTimeFormatOptions = isInDigits ? { day: "2-digit", month: "2-digit", year: "numeric" } : { dateStyle: style };
  return withYear(new Intl.DateTimeFormat(language === "en" ? "en-GB" : language, { ...how, timeZone: "UTC" }).format(written(day)), language);
}

const listed = (parts: readonly string[], language: string): string => new Intl.ListFormat(language === "en" ? "en-GB" : language, { type: "conjunction" }).format(parts);

function repeated(every: number, repeat: Repeat, { language, t }: Words): string {
  switch (repeat.unit) {
    case "day":
      return every === 1 ? t("series.day") : t("series.days", { every });
    case "week": {
      if (every === 1 && repeat.weekdays.join(",") === WORKDAYS) return t("series.workdays");
      const days = listed(repeat.weekdays.map((weekday) => weekdayName(weekday, language)), language);
      return every === 1 ? t("series.week", { days }) : t("series.weeks", { days, every });
    }
    case "month":
      return every === 1 ? t("series.month", { day: repeat.day }) : t("series.months", { day: repeat.day, every });
    case "monthByWeekday": {
      const [weekday, name] = [weekdayName(repeat.weekday, language), NTH_NAMES[repeat.nth]];
      return every === 1 ? t(`series.nth_${name}`, { weekday }) : t(`series.nths_${name}`, { weekday, every });
    }
  }
}

/** "Every week on Monday, at 08:00, until 31 Dec 2026, except on 7 Dec 2026." */
export function seriesSentence({ every, repeat, end }: Series, minute: number, exceptions: readonly SeriesException[], words: Words): string {
  const { language, t } = words;
  const day = (of: Day): string => dayName(of, language);
  const few = exceptions.slice(0, MOST_NAMED);
  const more = exceptions.length - few.length;
  const leftOut = few.filter(({ movedTo }) => movedTo === null).map((exception) => day(exception.day));
  const moved = few.flatMap(({ day: from, movedTo }) =>
    movedTo === null ? [] : [t("series.moved", { from: day(from), to: `${hourOf(movedTo.minute)} ${day(movedTo.day)}` })],
  );
  return t("series.sentence", {
    parts: [
      repeated(every, repeat, words),
      t("series.at", { hour: hourOf(minute) }),
      ...(end.is === "count" ? [t("series.times", { count: end.count })] : []),
      ...(end.is === "until" ? [t("series.until", { day: day(end.day) })] : []),
      ...(leftOut.length > 0 ? [t("series.except", { days: listed([...leftOut, ...(more > 0 ? [`+${more}`] : [])], language) })] : []),
      ...moved,
    ].join(", "),
  });
}
