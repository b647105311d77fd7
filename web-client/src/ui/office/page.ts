// What a page of the office is: where it stands, who sees it, and what it is given.

import type House from "@lucide/svelte/icons/house";
import type { Component } from "svelte";
import type { Params } from "../../office/addresses.ts";
import type { Verb } from "../../office/verbs.ts";
import type { Key } from "../sentences.ts";
import type { Office } from "./office.svelte.ts";

/** What a page is given. */
export interface PageProps {
  readonly office: Office;
  /** What its address names: `{site}` of `/sites/{site}`. */
  readonly params: Params;
  /** Where this person can go. */
  readonly places: readonly Route[];
}

export interface Route {
  /** Its address behind the `#`. */
  readonly at: string;
  readonly title: Key;
  /** Whoever may do any of these sees it; everybody where there are none. */
  readonly verbs: readonly Verb[];
  /** Beside its name in the navigation, where it is there: others are reached from their pages. */
  readonly icon?: typeof House;
  readonly page: () => Promise<{ readonly default: Component<PageProps> }>;
}
