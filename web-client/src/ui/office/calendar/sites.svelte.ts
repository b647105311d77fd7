// The sites that somebody has looked at while writing a booking: branch by branch, as they are unfolded.

import { SvelteMap } from "svelte/reactivity";
import type { KnownSites, TreeSite } from "../../../office/calendar/audience.ts";
import { answered, type Api, nextAfter } from "../../../office/api.ts";
import { partsOf } from "../../../office/calendar/pasted.ts";

/** So many are found at once. */
const FOUND = 8;
/** The largest part of a list that the server gives. */
const PART = 1_000;
/** The longest list of codes that it takes, in characters. */
const MOST_CODES_CHARS = 4_000;

type Asked = { readonly level?: "province"; readonly parent?: string; readonly search?: string; readonly after?: string; readonly limit: number };

export class SiteBook {
  readonly #api: Api;
  readonly #signal: AbortSignal;
  readonly #known = new SvelteMap<string, TreeSite>();
  readonly #asked = new Set<string>();
  /** Codes that are no site's. */
  readonly #nobodys = new Set<string>();
  /** Those right below the centre. */
  branches = $state.raw<readonly TreeSite[]>([]);

  constructor(api: Api, signal: AbortSignal) {
    this.#api = api;
    this.#signal = signal;
  }

  get known(): KnownSites {
    return this.#known;
  }

  /** What is known of a site; it is asked for when it is not. */
  named(code: string): TreeSite | null {
    const known = this.#known.get(code);
    if (known === undefined && !this.#asked.has(code)) {
      this.#asked.add(code);
      void answered(this.#api.GET("/api/v1/sites/{site}", { params: { path: { site: code } }, signal: this.#signal })).then(
        (site) => this.#learn([site]),
        () => undefined,
      );
    }
    return known ?? null;
  }

  below(code: string): readonly TreeSite[] {
    return [...this.#known.values()].filter(({ parentCode }) => parentCode === code).sort((one, other) => one.code.localeCompare(other.code));
  }

  async search(query: string, signal: AbortSignal): Promise<readonly TreeSite[]> {
    return this.#learn(await answered(this.#api.GET("/api/v1/sites", { params: { query: { search: query, limit: FOUND } }, signal })));
  }

  async fetchBranches(): Promise<void> {
    this.branches = await this.#all({ level: "province", limit: PART });
  }

  async fetchBelow(code: string): Promise<void> {
    await this.#all({ parent: code, limit: PART });
  }

  /** Which of these codes are sites': those of whom nothing is known yet are asked for, and not all that there are. */
  async whichAre(codes: readonly string[], signal: AbortSignal): Promise<ReadonlySet<string>> {
    const asked = codes.filter((code) => !this.#known.has(code) && !this.#nobodys.has(code));
    for (const part of partsOf(asked, MOST_CODES_CHARS)) {
      this.#learn(await answered(this.#api.GET("/api/v1/sites", { params: { query: { codes: part.join(","), limit: PART } }, signal })));
      for (const code of part) if (!this.#known.has(code)) this.#nobodys.add(code);
    }
    return new Set(codes.filter((code) => this.#known.has(code)));
  }

  async #all(asked: Asked): Promise<readonly TreeSite[]> {
    const found: TreeSite[] = [];
    for (let after: string | null = ""; after !== null; ) {
      const query: Asked = after === "" ? asked : { ...asked, after };
      const answer = this.#api.GET("/api/v1/sites", { params: { query }, signal: this.#signal });
      found.push(...this.#learn(await answered(answer)));
      after = nextAfter((await answer).response.headers.get("link"));
    }
    return found;
  }

  #learn(sites: readonly TreeSite[]): readonly TreeSite[] {
    for (const site of sites) this.#known.set(site.code, site);
    return sites;
  }
}
