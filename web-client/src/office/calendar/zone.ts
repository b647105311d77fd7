// What a clock on the wall of some zone shows at a moment, and the moment at which it shows that. Pure.

import type { Day } from "./day.ts";

/** What stands on a clock and a calendar. */
export interface Local {
  readonly day: Day;
  /** Minutes since midnight. */
  readonly minute: number;
}

const MINUTE_MS = 60_000;
const made = new Map<string, Intl.DateTimeFormat>();

function clockOf(zone: string): Intl.DateTimeFormat {
  const known = made.get(zone);
  if (known !== undefined) return known;
  const parts = { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" } as const;
  const clock = new Intl.DateTimeFormat("en-US", { ...parts, timeZone: zone, hourCycle: "h23" });
  made.set(zone, clock);
  return clock;
}

/** Whether the browser knows the zone. */
export function isZone(zone: string): boolean {
  try {
    clockOf(zone);
    return true;
  } catch {
    return false;
  }
}

/** Chromium calls some zones as they were called long ago; here those of the region, as they are called now. */
const RENAMED: ReadonlyMap<string, string> = new Map([
  ["Asia/Saigon", "Asia/Ho_Chi_Minh"],
  ["Asia/Rangoon", "Asia/Yangon"],
  ["Asia/Calcutta", "Asia/Kolkata"],
  ["Asia/Katmandu", "Asia/Kathmandu"],
]);

/** A zone by the name that people know. */
export function zoneCalled(zone: string): string {
  return RENAMED.get(zone) ?? zone;
}

export function localAt(moment: number, zone: string): Local {
  const parts = new Map(clockOf(zone).formatToParts(moment).map(({ type, value }) => [type, value]));
  const of = (type: Intl.DateTimeFormatPartTypes): string => parts.get(type) ?? "";
  return { day: `${of("year")}-${of("month")}-${of("day")}`, minute: Number(of("hour")) * 60 + Number(of("minute")) };
}

const asUtc = ({ day, minute }: Local): number => Date.parse(`${day}T00:00:00Z`) + minute * MINUTE_MS;

/** The moment at which the clocks of the zone show it; where they are put forward past it, the one an hour on. */
export function momentOf(local: Local, zone: string): number {
  const wanted = asUtc(local);
  const aheadAt = (moment: number): number => asUtc(localAt(moment, zone)) - moment;
  const guess = wanted - aheadAt(wanted);
  const ahead = aheadAt(guess);
  return wanted - ahead;
}

/** `2026-11-30T08:00`, with seconds or without; `null` for anything else. */
export function readLocal(text: string): Local | null {
  const [, day, hour, minute] = /^(\d{4}-\d{2}-\d{2})T(\d{2}):(\d{2})(?::\d{2})?$/u.exec(text) ?? [];
  if (day === undefined || Number.isNaN(Date.parse(`${day}T00:00:00Z`))) return null;
  return { day, minute: Number(hour) * 60 + Number(minute) };
}

/** `08:00`. */
export function hourOf(minute: number): string {
  const pad = (part: number): string => String(part).padStart(2, "0");
  return `${pad(Math.floor(minute / 60) % 24)}:${pad(minute % 60)}`;
}

export const writeLocal = ({ day, minute }: Local): string => `${day}T${hourOf(minute)}:00`;
