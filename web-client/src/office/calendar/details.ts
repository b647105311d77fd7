// What somebody writes of a booking: what is usual before anything is said, what is wrong with it, and what of a change
// those who are invited must be told. Pure.

import { isEmpty, tidied } from "./audience.ts";
import type { AgendaItem, Booking, Details } from "./contract.ts";
import type { Day } from "./day.ts";
import { daysOf, readRule, type Series, writeRule } from "./series.ts";
import { isZone, readLocal, writeLocal } from "./zone.ts";

/** A morning in the office. */
export function usualDetails(day: Day, zone: string, language: string): Details {
  return {
    title: "",
    kind: "meeting",
    startsAtLocal: writeLocal({ day, minute: 8 * 60 }),
    zone,
    durationMinutes: 90,
    operators: [],
    audience: {},
    agenda: [],
    opensMinutesBefore: 60,
    doors: {},
    language,
  };
}

/** What of a booking somebody writes. */
export function detailsOf(booking: Booking): Details {
  const { title, kind, startsAtLocal, zone, durationMinutes, rule, hall, chair, operators, audience, agenda, opensMinutesBefore, doors, language } = booking;
  return { title, kind, startsAtLocal, zone, durationMinutes, rule: rule ?? null, hall: hall ?? null, chair: chair ?? null, operators, audience, agenda, opensMinutesBefore, doors, language };
}

export const FAULTS = ["title", "startsAtLocal", "zone", "durationMinutes", "opensMinutesBefore", "audience", "agenda"] as const;
export type Fault = (typeof FAULTS)[number];

const isWithin = (value: number, least: number, most: number): boolean => Number.isInteger(value) && value >= least && value <= most;

/** What cannot be sent to the server as it is; for a draft nobody needs to be invited yet. */
export function faultsOf(details: Details, isDraft: boolean): ReadonlySet<Fault> {
  const { title, startsAtLocal, zone, durationMinutes, opensMinutesBefore, audience, agenda } = details;
  const isItem = ({ title: what, minutes, documents = [] }: AgendaItem): boolean => what.trim() !== "" && isWithin(minutes, 1, 1_440) && documents.every(({ name }) => name.trim() !== "");
  const isWell: Readonly<Record<Fault, boolean>> = {
    title: title.trim() !== "" && title.length <= 200,
    startsAtLocal: readLocal(startsAtLocal) !== null,
    zone: isZone(zone),
    durationMinutes: isWithin(durationMinutes, 5, 1_440),
    opensMinutesBefore: isWithin(opensMinutesBefore, 0, 1_440),
    audience: isDraft || !isEmpty(audience),
    agenda: agenda.every(isItem),
  };
  return new Set(FAULTS.filter((name) => !isWell[name]));
}

const texts = (value: string | null | undefined): string | null => (value == null || value.trim() === "" ? null : value.trim());

/** As it is sent: without what is empty, and beginning on the first day of its series. */
export function asSent(details: Details): Details {
  const { rule, hall, chair, doors, agenda, ...rest } = details;
  const start = readLocal(details.startsAtLocal);
  const series = rule == null || start === null ? null : readRule(rule, start.day, details.zone);
  const first = series === null || start === null ? undefined : daysOf(series, start.day, 1)[0];
  const leader = { account: texts(chair?.account), name: texts(chair?.name) };
  const said = Object.entries(doors).filter(([, minutes]) => minutes != null);
  return {
    ...rest,
    title: details.title.trim(),
    audience: tidied(details.audience),
    agenda: agenda.map(({ title, speaker, minutes, documents = [] }) => ({
      title: title.trim(),
      minutes,
      ...(speaker != null && { speaker }),
      documents: documents.map(({ name, note }) => ({ name: name.trim(), ...(texts(note) !== null && { note: texts(note) }) })),
    })),
    doors: Object.fromEntries(said),
    ...(start !== null && first !== undefined && { startsAtLocal: writeLocal({ ...start, day: first }) }),
    ...(texts(rule) !== null && { rule: series === null ? texts(rule) : writeRule(series) }),
    ...(texts(hall) !== null && { hall: texts(hall) }),
    ...(leader.account !== null ? { chair: { account: leader.account } } : leader.name !== null ? { chair: { name: leader.name } } : {}),
  };
}

/** The series of what is written; `null` where it takes place once, or by a rule that the form has no words for. */
export function seriesOf({ rule, startsAtLocal, zone }: Pick<Details, "rule" | "startsAtLocal" | "zone">): Series | null {
  const start = readLocal(startsAtLocal);
  return rule == null || start === null ? null : readRule(rule, start.day, zone);
}

/** What an invitation says: of a change in it everybody who was told is told again. */
export const TOLD = ["title", "kind", "startsAtLocal", "zone", "durationMinutes", "rule", "hall", "chair", "agenda"] as const;
export type Told = (typeof TOLD)[number];

/** What of it is another by now. */
export function toldOtherwise(before: Details, after: Details): readonly Told[] {
  const [one, other] = [asSent(before), asSent(after)];
  return TOLD.filter((field) => JSON.stringify(one[field] ?? null) !== JSON.stringify(other[field] ?? null));
}

/** What somebody has changed of `before`, put upon what it is by now; where both have changed the same, `mine` stands. */
export function putUpon(now: Details, before: Details, mine: Details): Details {
  const [was, is] = [asSent(before), asSent(mine)];
  const changed = Object.keys(mine).filter((field) => isOther(was[field as keyof Details], is[field as keyof Details]));
  return { ...now, ...Object.fromEntries(changed.map((field) => [field, mine[field as keyof Details]])) };
}

const isOther = (one: unknown, other: unknown): boolean => JSON.stringify(sorted(one ?? null)) !== JSON.stringify(sorted(other ?? null));

export const isSame = (before: Details, after: Details): boolean => JSON.stringify(sorted(asSent(before))) === JSON.stringify(sorted(asSent(after)));

/** In the order of names: two that say the same may say it in another order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => one.localeCompare(other)).map(([name, inner]) => [name, sorted(inner)]));
}

export interface TimedItem {
  readonly item: AgendaItem;
  /** Minutes since midnight. */
  readonly from: number;
}

/** The agenda with the hour at which each item is due. */
export function timed(agenda: readonly AgendaItem[], startMinute: number): readonly TimedItem[] {
  let from = startMinute;
  return agenda.map((item) => {
    const due = from;
    from += item.minutes;
    return { item, from: due };
  });
}
