// The sites that are expected, and which of them are here. Pure, except for the one request that fetches them.

import { call } from "./api.ts";
import { type Ailment, ailmentOf, severityOf } from "./condition.ts";
import type { LineRecord } from "./linecheck/records.ts";
import type { Participant, ProvinceCount } from "./protocol.ts";
import { fold, kindOfProvince, PROVINCE } from "./province.ts";

/** One expected site, as the conference's roster lists it. */
export interface Site {
  readonly code: string;
  readonly name: string;
  /** Itself if it is one; `null` for the centre. */
  readonly province: string | null;
  /** Name of the province that it is in; `null` for a province itself and for the centre. */
  readonly provinceName: string | null;
  /** Name, code and province without accents, in lower case. */
  readonly searchable: string;
}

/** `present` beats `lost` beats `absent` when a site has several devices. */
export type Standing = "present" | "lost" | "absent";

/** What a list can be narrowed to. */
export type Filter = "all" | Standing | "suffering" | "silent" | "asking";

export interface SiteRow {
  readonly code: string;
  readonly name: string;
  readonly province: string | null;
  readonly provinceName: string | null;
  /** It is in the list of expected sites; those who only run the conference are not. */
  readonly isExpected: boolean;
  readonly standing: Standing;
  /** The site's devices, the best one first. */
  readonly participants: readonly Participant[];
  readonly ailment: Ailment | null;
  /** How bad that is; 0 for one that is well. */
  readonly severity: number;
  /** What came of the latest check of its line, if there was one. */
  readonly check: LineRecord | null;
  readonly searchable: string;
}

const NO_CHECKS: ReadonlyMap<string, LineRecord> = new Map();

function toSearchable(name: string, code: string, provinceName: string | null): string {
  return `${fold(name)} ${code.toLowerCase()}${provinceName === null ? "" : ` ${fold(provinceName)}`}`;
}

/** Words that are written together ("dalat") are this long at least; shorter ones would be found everywhere. */
const JOINED_LETTERS = 5;

function wordsOf(query: string): readonly string[] {
  return fold(query).split(/[\s,.;–-]+/u).filter((word) => word !== "");
}

/** A test of folded text for every word of `query`, in any order; names may be typed without their spaces. */
export function matcher(query: string): (searchable: string) => boolean {
  const words = wordsOf(query);
  const isIn = (searchable: string, word: string): boolean =>
    searchable.includes(word) || (word.length >= JOINED_LETTERS && searchable.replaceAll(" ", "").includes(word));
  return (searchable) => words.every((word) => isIn(searchable, word));
}

/** How well a site answers a query, the best first: by its own name, by beginnings of words, anyhow. */
function closeness(query: string): (row: SiteRow) => number {
  const words = wordsOf(query);
  const phrase = ` ${words.join(" ")}`;
  const begin = (text: string): boolean => words.every((word) => text.includes(` ${word}`));
  return ({ name, searchable }) => {
    const own = ` ${fold(name)}`;
    if (`${own} `.includes(`${phrase} `)) return 0;
    if (own.includes(phrase)) return 1;
    if (begin(own)) return 2;
    return begin(` ${searchable}`) ? 3 : 4;
  };
}

function text(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

/** Reads the answer of `GET …/roster`; entries without code or name are left out. */
export function readRoster(body: unknown): readonly Site[] {
  const sites = typeof body === "object" && body !== null ? (body as Readonly<Record<string, unknown>>)["sites"] : null;
  if (!Array.isArray(sites)) return [];
  const entries = sites.flatMap((entry: unknown) => {
    const fields = (typeof entry === "object" && entry !== null ? entry : {}) as Record<string, unknown>;
    const code = text(fields["code"]);
    const name = text(fields["name"]);
    return code === null || name === null ? [] : [{ code, name, province: text(fields["province"]) }];
  });
  const names = new Map(entries.map(({ code, name }) => [code, name]));
  return entries.map((entry) => {
    const { code, name, province } = entry;
    const provinceName = province === null || province === code ? null : (names.get(province) ?? null);
    return { ...entry, provinceName, searchable: toSearchable(name, code, provinceName) };
  });
}

const RANK: Readonly<Record<Participant["state"], number>> = { present: 0, lost: 1, left: 2 };

/**
 * Every expected site with its devices, in the order of the list; then those who are here without being expected.
 * `checks` are the latest ones by site: who phones says the code, and is found by it.
 */
export function joinRoster(
  sites: readonly Site[],
  participants: ReadonlyMap<string, Participant>,
  checks: ReadonlyMap<string, LineRecord> = NO_CHECKS,
): readonly SiteRow[] {
  const bySite = new Map<string, Participant[]>();
  for (const participant of participants.values()) {
    const key = participant.site ?? participant.participant;
    const devices = bySite.get(key);
    if (devices === undefined) bySite.set(key, [participant]);
    else devices.push(participant);
  }
  const rows = sites.map((site) => {
    const devices = (bySite.get(site.code) ?? []).sort(
      (a, b) => RANK[a.state] - RANK[b.state] || a.device - b.device,
    );
    bySite.delete(site.code);
    const check = checks.get(site.code) ?? null;
    const searchable = check === null ? site.searchable : `${site.searchable} ${check.reference.toLowerCase()}`;
    return { ...toRow(devices), ...site, isExpected: true, check, searchable };
  });
  const unexpected = [...bySite.values()].flatMap((devices) => {
    const [first] = devices;
    if (first === undefined) return [];
    const { name, province } = first;
    const code = first.site ?? "";
    const searchable = toSearchable(name, code, null);
    const check = checks.get(code) ?? null;
    return [{ ...toRow(devices), code, name, province, provinceName: null, isExpected: false, check, searchable }];
  });
  return [...rows, ...unexpected];
}

function toRow(participants: readonly Participant[]): Pick<SiteRow, "standing" | "participants" | "ailment" | "severity"> {
  const [best] = participants;
  if (best === undefined || best.state === "left") return { standing: "absent", participants, ailment: null, severity: 0 };
  return { standing: best.state, participants, ailment: ailmentOf(best), severity: severityOf(best) };
}

/** Fetches the sites that a conference expects. Rejects when the server refuses or cannot be reached. */
export async function fetchRoster(conference: string, token: string, signal: AbortSignal): Promise<readonly Site[]> {
  return readRoster(await call("GET", `/conferences/${encodeURIComponent(conference)}/roster`, token, signal));
}

/** Where one looks. */
export interface Place {
  readonly query: string;
  /** `undefined`: the whole country. `null`: the centre and those who run the conference. */
  readonly province: string | null | undefined;
}

/**
 * The sites of a place, the closest to the query first. The country is who is expected in it; those who run the
 * conference stand at the centre, and a query finds everybody.
 */
export function rowsOf(rows: readonly SiteRow[], { query, province }: Place): readonly SiteRow[] {
  if (query.trim() === "") {
    return rows.filter((row) => (province === undefined ? row.isExpected : row.province === province));
  }
  const isMatch = matcher(query);
  const close = closeness(query);
  return rows
    .filter((row) => (province === undefined || row.province === province) && isMatch(row.searchable))
    .map((row) => ({ row, rank: close(row) }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ row }) => row);
}

function isFiltered(row: SiteRow, filter: Filter): boolean {
  switch (filter) {
    case "all":
      return true;
    case "suffering":
      return row.ailment !== null;
    case "silent":
      return row.ailment === "silent";
    case "asking":
      return row.participants.some(({ floor }) => floor === "waiting");
    case "present":
    case "lost":
    case "absent":
      return row.standing === filter;
  }
}

/** Narrows the sites of a place. Those who suffer come worst first. */
export function filterRows(rows: readonly SiteRow[], filter: Filter): readonly SiteRow[] {
  const some = rows.filter((row) => isFiltered(row, filter));
  return filter === "suffering" ? worst(some) : some;
}

/** Those who suffer most first; whoever is well comes last. */
export function worst(rows: readonly SiteRow[], most = rows.length): readonly SiteRow[] {
  return [...rows].sort((a, b) => b.severity - a.severity).slice(0, most);
}

/** How many rows each filter leaves: the counts and the list are one answer. */
export function countRows(rows: readonly SiteRow[]): Readonly<Record<Filter, number>> {
  const counts = { all: 0, present: 0, lost: 0, absent: 0, suffering: 0, silent: 0, asking: 0 };
  for (const row of rows) {
    counts.all += 1;
    counts[row.standing] += 1;
    if (row.ailment !== null) counts.suffering += 1;
    if (isFiltered(row, "silent")) counts.silent += 1;
    if (isFiltered(row, "asking")) counts.asking += 1;
  }
  return counts;
}

/** A province's name without what it is: a city is looked for under its own letter. */
function bareProvince(name: string): string {
  return name.normalize("NFC").slice(kindOfProvince(name).length);
}

/** The provinces whose name a query begins to say, with or without what they are. */
export function findProvinces(provinces: readonly ProvinceCount[], query: string): readonly ProvinceCount[] {
  const words = wordsOf(query);
  if (words.length === 0) return [];
  return provinces.filter(({ name }) => {
    const bare = fold(bareProvince(name));
    const full = ` ${kindOfProvince(name) || PROVINCE}${bare}`;
    const isNamed = words.some((word) => ` ${bare}`.includes(` ${word}`)) && words.every((word) => full.includes(` ${word}`));
    return isNamed || bare.replaceAll(" ", "").startsWith(words.join(""));
  });
}

export type ProvinceColumn = "name" | "present" | "lost" | "missing" | "suffering";

/** How many sites of each province suffer. */
export function sufferingByProvince(rows: readonly SiteRow[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { province, ailment } of rows) {
    if (province !== null && ailment !== null) counts.set(province, (counts.get(province) ?? 0) + 1);
  }
  return counts;
}

/** Expected sites of a province of which nothing is seen. */
export function missingOf(count: Pick<ProvinceCount, "expected" | "present" | "lost">): number {
  return Math.max(0, count.expected - count.present - count.lost);
}

/** Provinces in the order of a column: names from A, figures from the largest. */
export function sortProvinces(
  provinces: readonly ProvinceCount[],
  by: ProvinceColumn,
  suffering: ReadonlyMap<string, number> = new Map(),
): readonly ProvinceCount[] {
  const names = new Intl.Collator("vi");
  const figure = (province: ProvinceCount): number => {
    switch (by) {
      case "name":
        return 0;
      case "present":
        return province.expected === 0 ? 0 : province.present / province.expected;
      case "lost":
        return province.lost;
      case "missing":
        return missingOf(province);
      case "suffering":
        return suffering.get(province.code) ?? 0;
    }
  };
  return [...provinces].sort((a, b) => figure(b) - figure(a) || names.compare(bareProvince(a.name), bareProvince(b.name)));
}
