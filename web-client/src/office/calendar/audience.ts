// Whom a booking invites, as a selection of the tree: whole branches and lists, of some levels, and single sites, but for
// some. What it comes to is the server's to say; this is what boxes are ticked by. Pure.

export interface Audience {
  readonly all?: boolean;
  /** These sites, and all that is below them. */
  readonly parents?: readonly string[];
  /** Only sites of these levels. */
  readonly levels?: readonly string[];
  readonly lists?: readonly string[];
  /** These sites, whatever their level. */
  readonly codes?: readonly string[];
  /** Not these sites, nor what is below them. */
  readonly except?: readonly string[];
  /** Whoever was invited to that booking. */
  readonly sameAs?: string | null;
}

/** As much of a site as a selection looks at. */
export interface TreeSite {
  readonly code: string;
  readonly name: string;
  readonly level: string;
  readonly parentCode?: string | null;
  readonly groups?: readonly string[];
}

/** The sites that are known here: those that somebody has looked at. */
export type KnownSites = ReadonlyMap<string, TreeSite>;

const has = (list: readonly string[] | undefined, code: string | null | undefined): boolean => code != null && list?.includes(code) === true;
const without = (list: readonly string[] | undefined, code: string): string[] => (list ?? []).filter((one) => one !== code);
const withOne = (list: readonly string[] | undefined, code: string): string[] => [...without(list, code), code];
const isSome = (list: readonly string[] | undefined): boolean => (list ?? []).length > 0;

/** Leaves out what is empty: nothing is said of it. */
export function tidied(audience: Audience): Audience {
  const isSaid = (value: unknown): boolean => value != null && value !== false && value !== "" && !(Array.isArray(value) && value.length === 0);
  return Object.fromEntries(Object.entries(audience).filter(([, value]) => isSaid(value)));
}

export const isEmpty = (audience: Audience): boolean => Object.keys(tidied({ ...audience, except: [] })).length === 0;

/** A level that is chosen alone is chosen everywhere. */
function isEverywhere({ all, parents, lists, sameAs, levels }: Audience): boolean {
  return all === true || (!isSome(parents) && !isSome(lists) && sameAs == null && isSome(levels));
}

const isExcepted = ({ except }: Audience, site: TreeSite): boolean => has(except, site.code) || has(except, site.parentCode);

/** Whether something larger takes the site in, and it is of a level that is wanted. */
function isWithin(audience: Audience, site: TreeSite): boolean {
  const isOfLevel = !isSome(audience.levels) || has(audience.levels, site.level);
  const isTaken = isEverywhere(audience) || has(audience.parents, site.code) || has(audience.parents, site.parentCode) || (site.groups ?? []).some((group) => has(audience.lists, group));
  return isOfLevel && isTaken;
}

export function isInvited(audience: Audience, site: TreeSite): boolean {
  return !isExcepted(audience, site) && (isWithin(audience, site) || has(audience.codes, site.code));
}

/** Takes single sites out of what is excepted: the others of an excepted branch are excepted by name. */
function readmitted({ except }: Audience, site: TreeSite, known: KnownSites): readonly string[] {
  const rest = without(except, site.code);
  if (!has(rest, site.parentCode)) return rest;
  const others = [...known.values()].filter(({ parentCode, code }) => parentCode === site.parentCode && code !== site.code);
  return [...rest.filter((code) => code !== site.parentCode), ...others.map(({ code }) => code)];
}

/** Ticks or unticks one site: what takes it in with others stays, and it is excepted from that. */
export function toggledSite(audience: Audience, site: TreeSite, known: KnownSites): Audience {
  if (isInvited(audience, site)) {
    const codes = without(audience.codes, site.code);
    return tidied({ ...audience, codes, ...(isWithin(audience, site) && { except: withOne(audience.except, site.code) }) });
  }
  const rest = { ...audience, except: readmitted(audience, site, known) };
  return tidied(isWithin(rest, site) ? rest : { ...rest, codes: withOne(rest.codes, site.code) });
}

export type Ticked = "all" | "some" | "none";

/** How a branch is ticked, as far as its sites are known here. */
export function branchTicked(audience: Audience, branch: TreeSite, known: KnownSites): Ticked {
  const isOf = (code: string): boolean => known.get(code)?.parentCode === branch.code;
  if (has(audience.except, branch.code)) return "none";
  if (isEverywhere(audience) || has(audience.parents, branch.code)) return (audience.except ?? []).some(isOf) ? "some" : "all";
  return (audience.codes ?? []).some((code) => isOf(code) || code === branch.code) || isSome(audience.lists) ? "some" : "none";
}

/** Ticks a whole branch, or unticks it; what was said of its single sites is forgotten. */
export function toggledBranch(audience: Audience, branch: TreeSite, known: KnownSites): Audience {
  const isOutside = (code: string): boolean => code !== branch.code && known.get(code)?.parentCode !== branch.code;
  const codes = (audience.codes ?? []).filter(isOutside);
  const except = (audience.except ?? []).filter(isOutside);
  const parents = without(audience.parents, branch.code);
  const rest = { ...audience, codes, except };
  if (branchTicked(audience, branch, known) === "all") {
    return tidied({ ...rest, parents, ...(isEverywhere(audience) && { except: withOne(except, branch.code) }) });
  }
  return tidied(isEverywhere(rest) ? rest : { ...rest, parents: withOne(parents, branch.code) });
}

export function toggledIn(audience: Audience, field: "levels" | "lists", name: string): Audience {
  return tidied({ ...audience, [field]: has(audience[field], name) ? without(audience[field], name) : withOne(audience[field], name) });
}

/** Adds single sites, as from a list that was pasted. */
export function withCodes(audience: Audience, codes: readonly string[]): Audience {
  const except = (audience.except ?? []).filter((code) => !codes.includes(code));
  return tidied({ ...audience, except, codes: [...new Set([...(audience.codes ?? []), ...codes])] });
}
