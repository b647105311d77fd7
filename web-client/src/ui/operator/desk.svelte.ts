// What an operator is looking at and doing: filters, the chosen province and site, the floor, the private pictures.

import { untrack } from "svelte";
import { ApiError, call } from "../../api.ts";
import type { Moderation } from "../../attendance.ts";
import { type FloorAct, granting, type Named, named } from "../../flooract.ts";
import type { Participant, Place } from "../../protocol.ts";
import {
  countRows,
  fetchRoster,
  type Filter,
  filterRows,
  findProvinces,
  joinRoster,
  type ProvinceColumn,
  rowsOf,
  type Site,
  type SiteRow,
  sortProvinces,
  sufferingByProvince,
} from "../../roster.ts";
import type { Visit } from "../visit.svelte.ts";
import { inOneLine } from "../contact.svelte.ts";
import { Checks } from "./checks.svelte.ts";
import { FloorHand } from "./hand.svelte.ts";
import { Rest } from "./rest.svelte.ts";

/** Wait before the roster is asked for again, in milliseconds. */
const RETRY_MS = 5_000;
/** How long a refusal is shown, in milliseconds. Higher: it still stands there when it is no longer true. */
const NOTICE_MS = 10_000;

/** What could not be done, and with whom. */
export interface Notice {
  readonly code: string;
  readonly who: Named | null;
  /** Whoever was meant is only lost for now. */
  readonly isLost: boolean;
}

export class Desk {
  query = $state("");
  filter = $state<Filter>("all");
  province = $state<string | null | undefined>(undefined);
  column = $state<ProvinceColumn>("name");
  /** Code or participant of the row whose actions are open. */
  opened = $state<string | null>(null);
  watchWanted = $state.raw<readonly string[]>([]);
  sites = $state.raw<readonly Site[]>([]);
  sitesFailed = $state(false);
  notice = $state.raw<Notice | null>(null);

  /** Giving and taking the floor. */
  readonly hand: FloorHand;
  /** What came of checks of lines. */
  readonly checks: Checks;
  /** The queue, the speaker's card and the list of sites: what stands where, and since when. */
  readonly rest: Readonly<Record<"queue" | "card" | "list", Rest>>;

  readonly #visit: Visit;
  #noticeTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(visit: Visit, signal: AbortSignal) {
    this.#visit = visit;
    this.rest = { queue: new Rest(signal), card: new Rest(signal), list: new Rest(signal) };
    this.hand = new FloorHand(
      {
        floor: () => untrack(() => this.floor),
        participant: (id) => untrack(() => this.participant(id)),
        send: (request) => this.#send(request),
        refuse: (code, act) => this.#refuse(code, act.kind === "grant" ? act.to : act.from),
      },
      signal,
    );
    this.checks = new Checks(() => visit.bearer, signal);
    signal.addEventListener("abort", () => clearTimeout(this.#noticeTimer), { once: true });
    $effect(() => this.checks.lookUp(this.query));
    // A value of its own: other changes of the conference do not fetch the list again.
    const id = $derived(this.#conference?.conference?.id);
    const version = $derived(this.#conference?.roster ?? null);
    $effect(() => {
      if (id === undefined || version === null) return undefined;
      const life = new AbortController();
      this.#load(id, AbortSignal.any([signal, life.signal]));
      return () => life.abort();
    });
    $effect(() => {
      this.hand.onFloor(this.floor);
    });
  }

  readonly #conference = $derived.by(() => this.#visit.attendance?.conference);
  readonly #participants = $derived(this.#conference?.participants ?? new Map<string, Participant>());
  readonly floor = $derived(this.#conference?.floor ?? { holder: null, waiting: 0, queue: [] });
  readonly roster = $derived.by(() => joinRoster(this.sites, this.#participants, this.checks.all));
  /** Checks without a site that the search names by their code. */
  readonly strays = $derived.by(() => this.checks.strays(this.query));
  readonly suffering = $derived(sufferingByProvince(this.roster));
  readonly provinces = $derived(sortProvinces(this.#conference?.provinces ?? [], this.column, this.suffering));
  readonly provinceNames = $derived(new Map(this.#conference?.provinces.map(({ code, name }) => [code, name])));

  /** Provinces are shown until a search, a filter or a province asks for sites. */
  readonly isCountry = $derived(this.query.trim() === "" && this.filter === "all" && this.province === undefined);

  /** A search goes through the whole country, wherever it was begun. */
  readonly where = $derived(this.query.trim() === "" ? this.province : undefined);

  /** Everybody in the place that is looked at, whatever the filter. */
  readonly place = $derived<readonly SiteRow[]>(rowsOf(this.roster, { query: this.query, province: this.where }));
  readonly counts = $derived(countRows(this.place));
  readonly rows = $derived<readonly SiteRow[]>(this.isCountry ? [] : filterRows(this.place, this.filter));
  /** Provinces that the search names: the first hits. */
  readonly provinceHits = $derived(
    this.filter === "all" ? findProvinces(this.#conference?.provinces ?? [], this.query) : [],
  );
  readonly centre = $derived(countRows(rowsOf(this.roster, { query: "", province: null })));

  participant(id: string): Participant | undefined {
    return this.#participants.get(id);
  }

  /** A participant as it is called where it may be mistaken for another of the same name. */
  named(participant: Participant): Named {
    const { province, site } = participant;
    const provinceName = province === null || province === site ? null : (this.provinceNames.get(province) ?? null);
    return named({ ...participant, name: this.#ownName(participant), provinceName });
  }

  /** Somebody of whom the server tells no province: it is that of the site. */
  placed(one: Omit<Named, "provinceName">): Named {
    return named({ ...one, provinceName: this.sites.find(({ code }) => code === one.site)?.provinceName ?? null });
  }

  /** One of a crowd is known by the code of its site. */
  #ownName({ site, name }: Participant): string {
    return (site === name ? this.sites.find(({ code }) => code === site)?.name : undefined) ?? name;
  }

  showCountry(): void {
    this.query = "";
    this.filter = "all";
    this.province = undefined;
    this.opened = null;
  }

  showProvince(code: string | null): void {
    this.query = "";
    this.province = code;
    this.opened = null;
  }

  /** Shows one site with everything that can be done about it. */
  showSite(row: SiteRow): void {
    this.query = row.code === "" ? row.name : row.code;
    this.filter = "all";
    this.opened = keyOf(row);
  }

  toggleFilter(filter: Filter): void {
    this.filter = this.filter === filter ? "all" : filter;
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

  /** Giving the floor to somebody who stands on the screen with this name, as things stand there. */
  granting(to: Named): FloorAct {
    return granting(this.floor, to);
  }

  /** Says what of somebody is refused from now on. */
  mute({ participant, ...rest }: Participant, what: "nothing" | "sound" | "everything"): void {
    const request = { type: "mute", participant, muted: what !== "nothing", soundOnly: what === "sound" } as const;
    void this.#moderate(request, this.named({ participant, ...rest }));
  }

  remove(participant: Participant): void {
    void this.#moderate({ type: "remove", participant: participant.participant }, this.named(participant));
  }

  readmit(who: Named): void {
    void this.#moderate({ type: "readmit", participant: who.participant }, who);
  }

  /** Shows somebody to all, or the usual one. Sound is given apart: by the floor, or by letting it be heard. */
  setStage(place: Place, who: Named | null): void {
    void this.#moderate({ type: "setStage", place, participant: who?.participant ?? null }, who);
  }

  /** Whom to call at a site that is not here, as the list of sites says; `null` where it says nothing. */
  async contactOf(code: string): Promise<string | null> {
    const { bearer: token, signal } = this.#visit;
    if (token === null) return null;
    const site = await call("GET", `/sites/${encodeURIComponent(code)}`, token, signal).catch(() => null);
    const { contactName, contactPhone } = (site ?? {}) as { contactName?: unknown; contactPhone?: unknown };
    return inOneLine(contactName, contactPhone);
  }

  closeNotice(): void {
    clearTimeout(this.#noticeTimer);
    this.notice = null;
  }

  /** What stands above the lists has come, gone or grown: they have moved under the pointer. */
  onShift(): void {
    for (const rest of Object.values(this.rest)) rest.shift();
  }

  /** Begins the conference, or ends it for good. */
  async change(to: "start" | "end"): Promise<void> {
    const { bearer: token, signal } = this.#visit;
    const id = this.#conference?.conference?.id;
    if (token === null || id === undefined) return;
    this.closeNotice();
    try {
      await call("POST", `/conferences/${encodeURIComponent(id)}/${to}`, token, signal);
    } catch (error) {
      this.#refuse(error instanceof ApiError ? error.code : "disconnected", null);
    }
  }

  async #moderate(request: Moderation, who: Named | null): Promise<void> {
    const code = await this.#send(request);
    if (code !== null) this.#refuse(code, who);
  }

  async #send(request: Moderation): Promise<string | null> {
    this.closeNotice();
    return (await this.#visit.actions?.moderate(request)) ?? null;
  }

  #refuse(code: string, who: Named | null): void {
    clearTimeout(this.#noticeTimer);
    const isLost = who !== null && untrack(() => this.participant(who.participant))?.state === "lost";
    this.notice = { code, who, isLost };
    this.#noticeTimer = setTimeout(() => (this.notice = null), NOTICE_MS);
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
