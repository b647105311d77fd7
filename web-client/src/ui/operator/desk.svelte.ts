// What an operator is looking at: filters, the chosen province and site, the private pictures.

import { untrack } from "svelte";
import { ApiError, call } from "../../api.ts";
import type { Participant, Place } from "../../protocol.ts";
import {
  fetchRoster,
  filterRoster,
  joinRoster,
  type ProvinceColumn,
  type Site,
  type SiteRow,
  sortProvinces,
  type Standing,
} from "../../roster.ts";
import type { Visit } from "../visit.svelte.ts";

/** Wait before the roster is asked for again, in milliseconds. */
const RETRY_MS = 5_000;

export class Desk {
  query = $state("");
  standing = $state<Standing | "all">("all");
  province = $state<string | null | undefined>(undefined);
  column = $state<ProvinceColumn>("name");
  /** Code or participant of the row whose actions are open. */
  opened = $state<string | null>(null);
  watchWanted = $state.raw<readonly string[]>([]);
  sites = $state.raw<readonly Site[]>([]);
  sitesFailed = $state(false);
  /** Code of a refused start or end. */
  refused = $state<string | null>(null);

  readonly #visit: Visit;

  constructor(visit: Visit, signal: AbortSignal) {
    this.#visit = visit;
    // A value of its own: other changes of the conference do not fetch the list again.
    const id = $derived(this.#conference?.conference?.id);
    const version = $derived(this.#conference?.roster ?? null);
    $effect(() => {
      if (id === undefined || version === null) return undefined;
      const life = new AbortController();
      this.#load(id, AbortSignal.any([signal, life.signal]));
      return () => life.abort();
    });
  }

  readonly #conference = $derived.by(() => this.#visit.attendance?.conference);
  readonly #participants = $derived(this.#conference?.participants ?? new Map<string, Participant>());
  readonly roster = $derived(joinRoster(this.sites, this.#participants));
  readonly provinces = $derived(sortProvinces(this.#conference?.provinces ?? [], this.column));

  /** Provinces are shown until a search, a filter or a province asks for sites. */
  readonly isCountry = $derived(this.query === "" && this.standing === "all" && this.province === undefined);

  /** A search goes through the whole country, wherever it was begun. */
  readonly where = $derived(this.query === "" ? this.province : undefined);

  readonly rows = $derived<readonly SiteRow[]>(
    this.isCountry
      ? []
      : filterRoster(this.roster, { query: this.query, standing: this.standing, province: this.where }),
  );

  participant(id: string): Participant | undefined {
    return this.#participants.get(id);
  }

  showCountry(): void {
    this.query = "";
    this.standing = "all";
    this.province = undefined;
    this.opened = null;
  }

  showProvince(code: string | null): void {
    this.province = code;
    this.opened = null;
  }

  toggleStanding(standing: Standing | "all"): void {
    this.standing = this.standing === standing ? "all" : standing;
  }

  toggleOpen(key: string): void {
    this.opened = this.opened === key ? null : key;
  }

  toggleWatch(participant: string): void {
    this.watchWanted = this.watchWanted.includes(participant)
      ? this.watchWanted.filter((other) => other !== participant)
      : [...this.watchWanted, participant];
    void this.#visit.actions?.watch(untrack(() => this.watchWanted));
  }

  grant(participant: string): void {
    void this.#visit.actions?.grantFloor(participant);
  }

  revoke(participant: string): void {
    void this.#visit.actions?.revokeFloor(participant);
  }

  mute(participant: string, muted: boolean): void {
    void this.#visit.actions?.mute(participant, muted);
  }

  remove(participant: string): void {
    void this.#visit.actions?.remove(participant);
  }

  readmit(participant: string): void {
    void this.#visit.actions?.readmit(participant);
  }

  setStage(place: Place, participant: string | null): void {
    void this.#visit.actions?.setStage(place, participant);
  }

  /** Begins the conference, or ends it for good. */
  async change(to: "start" | "end"): Promise<void> {
    const { bearer: token, signal } = this.#visit;
    const id = this.#conference?.conference?.id;
    if (token === null || id === undefined) return;
    this.refused = null;
    try {
      await call("POST", `/conferences/${encodeURIComponent(id)}/${to}`, token, signal);
    } catch (error) {
      this.refused = error instanceof ApiError ? error.code : "disconnected";
    }
  }

  /** The roster changes rarely and is fetched once for each version; a server that is away is asked again. */
  #load(conference: string, signal: AbortSignal): void {
    const token = untrack(() => this.#visit.bearer);
    if (token === null) return;
    fetchRoster(conference, token, signal).then(
      (sites) => {
        this.sites = sites;
        this.sitesFailed = false;
      },
      () => {
        if (signal.aborted) return;
        this.sitesFailed = true;
        const timer = setTimeout(() => this.#load(conference, signal), RETRY_MS);
        signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
      },
    );
  }
}

/** What identifies a row: a site by its code, others by their participant. */
export function keyOf(row: SiteRow): string {
  return row.code === "" ? (row.participants[0]?.participant ?? row.name) : row.code;
}
