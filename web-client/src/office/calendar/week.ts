// A day's hours side by side: where each thing stands that takes some time. Pure.

import { localAt } from "./zone.ts";

export interface Lasts {
  readonly startsAt: string;
  readonly durationMinutes: number;
}

/** Where something stands in its day. */
export interface Placed<Kind> {
  readonly what: Kind;
  /** Minutes since midnight. */
  readonly from: number;
  readonly to: number;
  /** What goes on at one time stands beside each other. */
  readonly lane: number;
  readonly lanes: number;
}

const DAY_MINUTES = 24 * 60;
/** What is shorter still has room for its title. */
const LEAST_MINUTES = 30;

/** Places what begins on one day. What goes on past midnight ends there. */
export function placed<Kind extends Lasts>(day: readonly Kind[], zone: string): readonly Placed<Kind>[] {
  const spans = day
    .map((what) => {
      const from = localAt(Date.parse(what.startsAt), zone).minute;
      return { what, from, to: Math.min(DAY_MINUTES, from + Math.max(LEAST_MINUTES, what.durationMinutes)) };
    })
    .sort((one, other) => one.from - other.from || other.to - one.to);
  const out: Placed<Kind>[] = [];
  let group: { what: Kind; from: number; to: number; lane: number }[] = [];
  let ends: number[] = [];
  const close = (): void => {
    out.push(...group.map((one) => ({ ...one, lanes: ends.length })));
    [group, ends] = [[], []];
  };
  for (const span of spans) {
    if (ends.length > 0 && ends.every((end) => end <= span.from)) close();
    const free = ends.findIndex((end) => end <= span.from);
    const lane = free < 0 ? ends.length : free;
    ends[lane] = span.to;
    group.push({ ...span, lane });
  }
  close();
  return out;
}

/** The hours of an office's day, and more where something is outside of them. */
export function hoursOf(all: readonly Placed<unknown>[]): { readonly from: number; readonly to: number } {
  const from = Math.min(7 * 60, ...all.map((one) => one.from));
  const to = Math.max(18 * 60, ...all.map((one) => one.to));
  return { from: Math.floor(from / 60), to: Math.ceil(to / 60) };
}
