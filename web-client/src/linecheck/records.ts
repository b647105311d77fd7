// The latest checks of sites, as operators read them. Pure, except for the one request that fetches them.

import { call } from "../api.ts";
import { type Colour, colourOf, fieldsOf, type Measured, textOf } from "./contract.ts";

/** What came of one check. */
export interface LineRecord {
  /** What was read over the telephone. */
  readonly reference: string;
  readonly at: string;
  /** `null`: it was made without a site's link. */
  readonly site: string | null;
  readonly address: string | null;
  readonly cause: string;
  readonly colour: Colour;
  readonly measured: Measured;
}

/** Reads the answer of `GET /checks`; what is none is left out. */
export function readRecords(body: unknown): readonly LineRecord[] {
  if (!Array.isArray(body)) return [];
  return body.flatMap((entry: unknown) => {
    const fields = fieldsOf(entry);
    const [reference, at, cause] = [textOf(fields["reference"]), textOf(fields["at"]), textOf(fields["cause"])];
    const colour = colourOf(fields["colour"]);
    if (reference === null || at === null || cause === null || colour === null) return [];
    const measured = fieldsOf(fields["measured"]) as Measured;
    return [{ reference, at, cause, colour, measured, site: textOf(fields["site"]), address: textOf(fields["address"]) }];
  });
}

/** What may be a code that somebody reads over the telephone, with the cause's in front or without; else `null`. */
export function codeIn(query: string): string | null {
  const [, code] = /^(?:[a-z]\d{1,2}\s*[-–]?\s*)?([a-z\d]{4})$/iu.exec(query.trim()) ?? [];
  return code?.toUpperCase() ?? null;
}

export const hasCode = ({ reference }: LineRecord, code: string): boolean => reference.toUpperCase().endsWith(code);

/** The latest checks, those after a moment, or the one with a code. */
export type Wanted = { readonly since: string | null } | { readonly code: string };

/** Fetches checks. Rejects when the server refuses or cannot be reached. */
export async function fetchRecords(token: string, wanted: Wanted, signal: AbortSignal): Promise<readonly LineRecord[]> {
  const query = "code" in wanted ? { code: wanted.code } : { limit: "500", ...(wanted.since !== null && { since: wanted.since }) };
  return readRecords(await call("GET", `/checks?${new URLSearchParams(query)}`, token, signal));
}
