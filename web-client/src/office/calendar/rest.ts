// What the pages of the schedule ask of the server.

import { readRecords, type LineRecord } from "../../linecheck/records.ts";
import { answered, type Api, nextAfter, type Part } from "../api.ts";
import type { Known } from "./attention.ts";
import type { Booking, Conflict, Details, Exception, Invitation, InvitationTotals, InvitedSite, Occurrence, SentState } from "./contract.ts";
import { type Day, plusDays } from "./day.ts";
import { momentOf } from "./zone.ts";

interface Init {
  readonly params?: { readonly query?: object; readonly path?: object };
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

type Answer = Promise<{ data?: unknown; error?: unknown; response: Response }>;

/** The client, of what its description does not say yet. */
interface Client {
  GET(path: string, init?: Init): Answer;
  POST(path: string, init?: Init): Answer;
  PUT(path: string, init?: Init): Answer;
  PATCH(path: string, init?: Init): Answer;
  DELETE(path: string, init?: Init): Answer;
}

/** Days of somebody's calendar. */
export interface Days {
  readonly from: Day;
  readonly to: Day;
  readonly zone: string;
}

/** Whom to send to. */
export type Whom = { readonly sites: readonly string[] } | { readonly states: readonly SentState[] } | { readonly mustBeToldAgain: true };

/** A list is read in so many parts at most: what is longer is looked for otherwise. */
const MOST_PARTS = 60;
/** So many days back somebody looks for those whom to invite again. */
const FORMER_DAYS = 120;
/** Of so many bookings it is asked at once how they stand. */
const MOST_KNOWN = 12;

export class BookingsRest {
  readonly #client: Client;

  constructor(api: Api) {
    this.#client = api as unknown as Client;
  }

  async #one<Value>(answer: Answer): Promise<Value> {
    return (await answered(answer)) as Value;
  }

  /** One part of a list. */
  async #part<Row>(path: string, init: Init): Promise<Part<Row>> {
    const { response, ...rest } = await this.#client.GET(path, init);
    const rows = (await answered(Promise.resolve({ ...rest, response }))) as readonly Row[];
    return { rows, next: nextAfter(response.headers.get("link")) };
  }

  /** A list from its first part to its last. */
  async #all<Row>(path: string, { params, ...init }: Init): Promise<readonly Row[]> {
    const rows: Row[] = [];
    let after: string | null = null;
    for (let parts = 0; parts < MOST_PARTS; parts++) {
      const query = { ...params?.query, ...(after !== null && { after }) };
      const part: Part<Row> = await this.#part(path, { ...init, params: { ...params, query } });
      rows.push(...part.rows);
      after = part.next;
      if (after === null) break;
    }
    return rows;
  }

  occurrences({ from, to, zone }: Days, signal: AbortSignal): Promise<readonly Occurrence[]> {
    const moment = (day: Day): string => new Date(momentOf({ day, minute: 0 }, zone)).toISOString();
    return this.#all("/api/v1/bookings", { params: { query: { from: moment(from), to: moment(plusDays(to, 1)) } }, signal });
  }

  booking(id: string, signal: AbortSignal): Promise<Booking> {
    return this.#one(this.#client.GET("/api/v1/bookings/{booking}", { params: { path: { booking: id } }, signal }));
  }

  make(details: Details): Promise<Booking> {
    return this.#one(this.#client.POST("/api/v1/bookings", { body: details }));
  }

  change(id: string, version: number, details: Details): Promise<Booking> {
    // What is left out stays as it was: what is empty now is said to be so.
    const { rule = null, hall = null, chair = null } = details;
    return this.#one(this.#client.PATCH("/api/v1/bookings/{booking}", { params: { path: { booking: id } }, body: { ...details, rule, hall, chair, version } }));
  }

  async remove(id: string): Promise<void> {
    await answered(this.#client.DELETE("/api/v1/bookings/{booking}", { params: { path: { booking: id } } }));
  }

  publish(id: string, version: number): Promise<Booking> {
    return this.#one(this.#client.POST("/api/v1/bookings/{booking}/publish", { params: { path: { booking: id } }, body: { version } }));
  }

  cancel(id: string, version: number, reason: string): Promise<Booking> {
    return this.#one(this.#client.POST("/api/v1/bookings/{booking}/cancel", { params: { path: { booking: id } }, body: { version, ...(reason !== "" && { reason }) } }));
  }

  copy(id: string): Promise<Booking> {
    return this.#one(this.#client.POST("/api/v1/bookings/{booking}/copy", { params: { path: { booking: id } }, body: {} }));
  }

  except(id: string, date: Day, version: number, exception: Exception): Promise<Booking> {
    return this.#one(this.#client.PUT("/api/v1/bookings/{booking}/occurrences/{date}", { params: { path: { booking: id, date } }, body: { version, ...exception } }));
  }

  restore(id: string, date: Day, version: number): Promise<Booking> {
    return this.#one(this.#client.DELETE("/api/v1/bookings/{booking}/occurrences/{date}", { params: { path: { booking: id, date }, query: { version } } }));
  }

  conflicts(id: string, signal: AbortSignal): Promise<readonly Conflict[]> {
    return this.#one(this.#client.GET("/api/v1/bookings/{booking}/conflicts", { params: { path: { booking: id } }, signal }));
  }

  invited(id: string, signal: AbortSignal): Promise<readonly InvitedSite[]> {
    return this.#all("/api/v1/bookings/{booking}/audience", { params: { path: { booking: id } }, signal });
  }

  invitations(id: string, { state, province, after }: { state: SentState | ""; province: string; after: string | null }, signal: AbortSignal): Promise<Part<Invitation>> {
    const query = { ...(state !== "" && { state }), ...(province !== "" && { province }), ...(after !== null && { after }) };
    return this.#part("/api/v1/bookings/{booking}/invitations", { params: { path: { booking: id }, query }, signal });
  }

  totals(id: string, signal: AbortSignal): Promise<InvitationTotals> {
    return this.#one(this.#client.GET("/api/v1/bookings/{booking}/invitations/summary", { params: { path: { booking: id } }, signal }));
  }

  /** Sends invitations; how many are on their way. */
  async send(id: string, whom: Whom): Promise<number> {
    const { queued } = await this.#one<{ queued: number }>(this.#client.POST("/api/v1/bookings/{booking}/invitations/send", { params: { path: { booking: id } }, body: whom }));
    return queued;
  }

  /** A new link for a site: the one before is dead. */
  async reissue(id: string, site: string): Promise<string> {
    const { url } = await this.#one<{ url: string }>(this.#client.POST("/api/v1/bookings/{booking}/invitations/{site}/reissue", { params: { path: { booking: id, site } } }));
    return url;
  }

  /** Where the sheet of a province is, to be printed. */
  sheet(id: string, province: string, language: string): string {
    return `/api/v1/bookings/${encodeURIComponent(id)}/sheets/${encodeURIComponent(province)}?${new URLSearchParams({ language })}`;
  }

  async provinces(signal: AbortSignal): Promise<readonly { code: string; name: string }[]> {
    return this.#all("/api/v1/sites", { params: { query: { level: "province" } }, signal });
  }

  async checks(signal: AbortSignal): Promise<readonly LineRecord[]> {
    return readRecords(await this.#one(this.#client.GET("/api/v1/checks", { signal })));
  }

  /** People who may run or lead a conference; nobody where whoever asks may not know of them. */
  async people(signal: AbortSignal): Promise<readonly { id: string; name: string }[]> {
    return this.#all<{ id: string; name: string; isDisabled?: boolean }>("/api/v1/accounts", { signal }).then(
      (all) => all.filter(({ isDisabled }) => isDisabled !== true),
      () => [],
    );
  }

  /** The names of the groups that sites are in. */
  async lists(signal: AbortSignal): Promise<readonly string[]> {
    const sites = await this.#all<{ groups?: readonly string[] }>("/api/v1/sites", { signal });
    return [...new Set(sites.flatMap(({ groups = [] }) => groups))].sort();
  }

  /** Bookings of late, of which each is named once. */
  async former(today: Day, signal: AbortSignal): Promise<readonly { id: string; label: string }[]> {
    const all = await this.occurrences({ from: plusDays(today, -FORMER_DAYS), to: today, zone: "UTC" }, signal);
    const latest = new Map(all.filter(({ state }) => state !== "draft").map(({ booking, title, occurrence }) => [booking, `${title} · ${occurrence}`]));
    return [...latest].map(([id, label]) => ({ id, label })).reverse();
  }

  /** What is known of bookings besides what is planned; of one that cannot be told of nothing. */
  async known(ids: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, Known>> {
    const known = ids.slice(0, MOST_KNOWN).map(async (id): Promise<[string, Known]> => {
      const [totals, conflicts] = await Promise.all([this.totals(id, signal).catch(() => null), this.conflicts(id, signal).catch(() => [])]);
      const replied = Object.values(totals?.replies ?? {}).reduce((sum, count) => sum + count, 0);
      const invitations = totals === null ? {} : { invitations: { unanswered: totals.sites - replied, refused: totals.states.refused ?? 0, toTellAgain: totals.mustBeToldAgain, unsent: totals.states.notSent ?? 0 } };
      return [id, { ...invitations, conflicts: conflicts.length }];
    });
    return new Map(await Promise.all(known));
  }
}
