// The tree of sites as rows, of which only those are here that somebody has opened; pure.

import type { Site } from "./model.ts";

/** What is directly below a site, as far as it was fetched; `next` is where more of it begins. */
export interface Branch {
  readonly codes: readonly string[];
  readonly next: string | null;
}

export interface Tree {
  readonly sites: ReadonlyMap<string, Site>;
  /** What is above all; everything else is in the branches. */
  readonly roots: readonly string[];
  readonly branches: ReadonlyMap<string, Branch>;
  readonly open: ReadonlySet<string>;
}

export const EMPTY: Tree = { sites: new Map(), roots: [], branches: new Map(), open: new Set() };

/** One line of it. */
export type TreeRow =
  | {
      readonly site: Site;
      readonly level: number;
      /** Its place among those beside it, from 1, and how many there are; -1 if that is not known. */
      readonly place: number;
      readonly of: number;
      /** Whether it is open; `null` if nothing is below it. */
      readonly isOpen: boolean | null;
    }
  | { readonly moreOf: string; readonly after: string; readonly level: number };

/** Whether something may be below a site of which nobody has looked yet: communes rarely have anything. */
function mayHaveMore(tree: Tree, site: Site): boolean {
  const branch = tree.branches.get(site.code);
  return branch === undefined ? site.level === "central" || site.level === "province" : branch.codes.length > 0;
}

export function rowsOf(tree: Tree): readonly TreeRow[] {
  const rows: TreeRow[] = [];
  const add = (codes: readonly string[], level: number, next: string | null, above: string): void => {
    codes.forEach((code, index) => {
      const site = tree.sites.get(code);
      if (site === undefined) return;
      const isOpen = mayHaveMore(tree, site) ? tree.open.has(code) : null;
      rows.push({ site, level, place: index + 1, of: next === null ? codes.length : -1, isOpen });
      const branch = tree.branches.get(code);
      if (isOpen === true && branch !== undefined) add(branch.codes, level + 1, branch.next, code);
    });
    if (next !== null) rows.push({ moreOf: above, after: next, level });
  };
  add(tree.roots, 1, null, "");
  return rows;
}

/** With sites that were fetched: below `above`, after what is there already, or as roots. */
export function grown(tree: Tree, above: string | null, found: readonly Site[], next: string | null): Tree {
  const sites = new Map(tree.sites);
  for (const site of found) sites.set(site.code, site);
  const codes = found.map(({ code }) => code);
  if (above === null) return { ...tree, sites, roots: codes };
  const before = tree.branches.get(above)?.codes ?? [];
  const isNew = (code: string) => !before.includes(code);
  return { ...tree, sites, branches: new Map(tree.branches).set(above, { codes: [...before, ...codes.filter(isNew)], next }) };
}

export function turned(tree: Tree, code: string, isOpen: boolean): Tree {
  const open = new Set(tree.open);
  if (isOpen) open.add(code);
  else open.delete(code);
  return { ...tree, open };
}

/** With a site as it is now. */
export function corrected(tree: Tree, site: Site): Tree {
  return { ...tree, sites: new Map(tree.sites).set(site.code, site) };
}

/** What a key means at a row: another row, or that a site is opened or closed. `null` if it means nothing. */
export type Step = { readonly to: number } | { readonly turn: string; readonly isOpen: boolean } | null;

export function stepFor(key: string, rows: readonly TreeRow[], at: number): Step {
  const row = rows[at];
  if (row === undefined) return null;
  switch (key) {
    case "ArrowDown":
      return { to: Math.min(rows.length - 1, at + 1) };
    case "ArrowUp":
      return { to: Math.max(0, at - 1) };
    case "Home":
      return { to: 0 };
    case "End":
      return { to: rows.length - 1 };
    case "ArrowRight":
      if (!("site" in row) || row.isOpen === null) return null;
      return row.isOpen ? { to: Math.min(rows.length - 1, at + 1) } : { turn: row.site.code, isOpen: true };
    case "ArrowLeft":
      if ("site" in row && row.isOpen === true) return { turn: row.site.code, isOpen: false };
      return { to: Math.max(0, lastAbove(rows, at, row.level)) };
    default:
      return null;
  }
}

/** The nearest row before `at` that is nearer to the root. */
function lastAbove(rows: readonly TreeRow[], at: number, level: number): number {
  for (let index = at - 1; index >= 0; index--) if ((rows[index]?.level ?? 0) < level) return index;
  return 0;
}
