// The sites that are expected, and which of them are here. Pure, except for the one request that fetches them.

import { call } from "./api.ts";
import type { Participant, ProvinceCount } from "./protocol.ts";

/** One expected site, as the conference's roster lists it. */
export interface Site {
  readonly code: string;
  readonly name: string;
  /** Itself if it is one; `null` for the centre. */
  readonly province: string | null;
  /** Name and code without accents, in lower case. */
  readonly searchable: string;
}

/** `present` beats `lost` beats `absent` when a site has several devices. */
export type Standing = "present" | "lost" | "absent";

export interface SiteRow {
  readonly code: string;
  readonly name: string;
  readonly province: string | null;
  readonly standing: Standing;
  /** The site's devices, the best one first. */
  readonly participants: readonly Participant[];
  readonly searchable: string;
}

function toSearchable(name: string, code: string): string {
  return `${fold(name)} ${code.toLowerCase()}`;
}

/** Lower case without Vietnamese accents: what a hurried person types. */
export function fold(text: string): string {
  return text
    .normalize("NFD")
    .replaceAll(/\p{Mn}/gu, "")
    .replaceAll(/[đĐ]/gu, "d")
    .toLowerCase();
}

/** A test of folded text for every word of `query`. */
export function matcher(query: string): (searchable: string) => boolean {
  const words = fold(query).split(/\s+/u);
  return (searchable) => words.every((word) => searchable.includes(word));
}

function text(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

/** Reads the answer of `GET …/roster`; entries without code or name are left out. */
export function readRoster(body: unknown): readonly Site[] {
  const sites = typeof body === "object" && body !== null ? (body as Readonly<Record<string, unknown>>)["sites"] : null;
  if (!Array.isArray(sites)) return [];
  return sites.flatMap((entry: unknown) => {
    const fields = (typeof entry === "object" && entry !== null ? entry : {}) as Record<string, unknown>;
    const code = text(fields["code"]);
    const name = text(fields["name"]);
    if (code === null || name === null) return [];
    return [
      {
        code,
        name,
        province: text(fields["province"]),
        searchable: toSearchable(name, code),
      },
    ];
  });
}

const RANK: Readonly<Record<Participant["state"], number>> = { present: 0, lost: 1, left: 2 };

/** Every expected site with its devices, in the order of the list; then those who are here without being expected. */
export function joinRoster(
  sites: readonly Site[],
  participants: ReadonlyMap<string, Participant>,
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
    return { ...toRow(devices), code: site.code, name: site.name, province: site.province, searchable: site.searchable };
  });
  const unexpected = [...bySite.values()].flatMap((devices) => {
    const [first] = devices;
    if (first === undefined) return [];
    const { name, province } = first;
    const code = first.site ?? "";
    return [{ ...toRow(devices), code, name, province, searchable: toSearchable(name, code) }];
  });
  return [...rows, ...unexpected];
}

function toRow(participants: readonly Participant[]): Pick<SiteRow, "standing" | "participants"> {
  const [best] = participants;
  const standing: Standing = best === undefined || best.state === "left" ? "absent" : best.state;
  return { standing, participants };
}

/** Fetches the sites that a conference expects. Rejects when the server refuses or cannot be reached. */
export async function fetchRoster(conference: string, token: string, signal: AbortSignal): Promise<readonly Site[]> {
  return readRoster(await call("GET", `/conferences/${encodeURIComponent(conference)}/roster`, token, signal));
}

/** What of a province, or of the whole country, is looked at. */
export interface RosterFilter {
  readonly query: string;
  readonly standing: Standing | "all";
  /** `undefined`: the whole country. `null`: the centre and those without a site. */
  readonly province: string | null | undefined;
}

export function filterRoster(rows: readonly SiteRow[], filter: RosterFilter): readonly SiteRow[] {
  const isMatch = matcher(filter.query);
  return rows.filter(
    (row) =>
      (filter.province === undefined || row.province === filter.province) &&
      (filter.standing === "all" || row.standing === filter.standing) &&
      isMatch(row.searchable),
  );
}

export type ProvinceColumn = "name" | "present" | "lost" | "missing";

/** Expected sites of a province of which nothing is seen. */
export function missingOf(count: Pick<ProvinceCount, "expected" | "present" | "lost">): number {
  return Math.max(0, count.expected - count.present - count.lost);
}

/** Provinces in the order of a column: names from A, figures from the largest. */
export function sortProvinces(provinces: readonly ProvinceCount[], by: ProvinceColumn): readonly ProvinceCount[] {
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
    }
  };
  return [...provinces].sort((a, b) => figure(b) - figure(a) || names.compare(a.name, b.name));
}
