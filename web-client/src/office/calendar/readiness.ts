// How ready the invited sites are, as the server counts it: what the last check of each line found, by province, and whom
// to phone. Pure.

import type { components } from "../schema.d.ts";

type Schemas = components["schemas"];

/** How many stand how. */
export type Counts = Schemas["ReadyCounts"];

/** A site to be phoned, and why. */
export type ToPhone = Schemas["ReadySite"];

export type Readiness = Schemas["BookingReadiness"];

export const sumOf = ({ green, amber, red, unknown }: Counts): number => green + amber + red + unknown;

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
