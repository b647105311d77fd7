// The people whom somebody has looked at while writing a booking.

import { SvelteMap } from "svelte/reactivity";
import { answered, type Api } from "../../../office/api.ts";
import type { components } from "../../../office/schema.d.ts";

/** So many are found at once. */
const FOUND = 8;

export type Person = components["schemas"]["PersonInPlans"];

export class PeopleBook {
  readonly #api: Api;
  readonly #signal: AbortSignal;
  /** Whether whoever is here may know of people. */
  readonly #may: boolean;
  readonly #known = new SvelteMap<string, Person>();
  readonly #asked = new Set<string>();

  constructor(api: Api, signal: AbortSignal, may: boolean) {
    this.#api = api;
    this.#signal = signal;
    this.#may = may;
  }

  /** What is known of somebody; it is asked for when it is not. */
  named(id: string): Person | null {
    const known = this.#known.get(id);
    if (known === undefined && this.#may && !this.#asked.has(id)) {
      this.#asked.add(id);
      void answered(this.#api.GET("/api/v1/people/{account}", { params: { path: { account: id } }, signal: this.#signal })).then(
        (person) => this.#known.set(id, person),
        () => undefined,
      );
    }
    return known ?? null;
  }

  async search(query: string, signal: AbortSignal): Promise<readonly Person[]> {
    const found = await answered(this.#api.GET("/api/v1/people", { params: { query: { search: query, limit: FOUND } }, signal }));
    for (const person of found) this.#known.set(person.id, person);
    return found;
  }
}
