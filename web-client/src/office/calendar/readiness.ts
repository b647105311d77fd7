// How ready the invited sites are: what the last check of each line found, by province, and whom to phone. Pure.

import type { LineRecord } from "../../linecheck/records.ts";

/** A site that is invited. */
export interface Invited {
  readonly site: string;
  readonly name: string;
  /** `null`: it is in none. */
  readonly province: string | null;
}

export interface Counts {
  readonly green: number;
  readonly amber: number;
  readonly red: number;
  /** Not checked since the moment from which checks count. */
  readonly unknown: number;
}

/** A site to be phoned, and why. */
export interface ToPhone extends Invited {
  readonly record: LineRecord;
}

export interface Readiness {
  readonly total: Counts;
  readonly provinces: ReadonlyMap<string, Counts>;
  /** The worst first. */
  readonly toPhone: readonly ToPhone[];
}

const NOBODY: Counts = { green: 0, amber: 0, red: 0, unknown: 0 };

export const sumOf = ({ green, amber, red, unknown }: Counts): number => green + amber + red + unknown;

/** The latest record of each site, of those made at or after `since`. */
export function latestOf(records: readonly LineRecord[], since: number): ReadonlyMap<string, LineRecord> {
  const latest = new Map<string, LineRecord>();
  for (const record of records) {
    if (record.site === null || Date.parse(record.at) < since) continue;
    const known = latest.get(record.site);
    if (known === undefined || Date.parse(known.at) < Date.parse(record.at)) latest.set(record.site, record);
  }
  return latest;
}

export function readinessOf(invited: readonly Invited[], latest: ReadonlyMap<string, LineRecord>): Readiness {
  const provinces = new Map<string, Counts>();
  const toPhone: ToPhone[] = [];
  let total = NOBODY;
  for (const one of invited) {
    const record = latest.get(one.site);
    const found = record?.colour ?? "unknown";
    const plus = (counts: Counts): Counts => ({ ...counts, [found]: counts[found] + 1 });
    total = plus(total);
    if (one.province !== null) provinces.set(one.province, plus(provinces.get(one.province) ?? NOBODY));
    if (record !== undefined && record.colour !== "green") toPhone.push({ ...one, record });
  }
  const rank = ({ record }: ToPhone): number => (record.colour === "red" ? 0 : 1);
  const sorted = toPhone.sort((one, other) => rank(one) - rank(other) || (one.province ?? "").localeCompare(other.province ?? "") || one.site.localeCompare(other.site));
  return { total, provinces, toPhone: sorted };
}

/** How a province's tile looks: `unknown` while most of it has not been checked. */
export type Shade = "green" | "amber" | "red" | "unknown";

/** From so much of a province on one is told that it is bad, in percent. */
const BAD_PERCENT = 10;

export function shadeOf(counts: Counts): Shade {
  const all = sumOf(counts);
  if (counts.red * 100 > all * BAD_PERCENT) return "red";
  if (counts.unknown * 2 > all) return "unknown";
  return counts.red + counts.amber > 0 ? "amber" : "green";
}
