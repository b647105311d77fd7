// What the pages of the schedule ask of the server.

import { answered, type Api, type Part, partOf } from "../api.ts";
import type { components } from "../schema.d.ts";
import type { Known } from "./attention.ts";
import type { Booking, Conflict, Details, Exception, Invitation, InvitationTotals, InvitedSite, Occurrence, SentState } from "./contract.ts";
import { type Day, plusDays } from "./day.ts";
import type { Readiness, ToPhone } from "./readiness.ts";
import { momentOf } from "./zone.ts";

/** What the description of the interface says of what is sent: of lists that are only read here it does not know. */
type Schemas = components["schemas"];

/** Asks for the part of a list that comes after a key. */
type AskPart<Row> = (after: string | undefined) => Promise<Part<Row>>;

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
/** So many sites are in one part of their list. */
const SITES = 1_000;
/** So many days back somebody looks for those whom to invite again, and so many bookings are offered. */
const FORMER_DAYS = 120;
const MOST_FORMER = 250;
/** Of so many bookings it is asked at once how they stand. */
const MOST_KNOWN = 12;

/** From the first day's beginning to the last day's end. */
function momentsOf({ from, to, zone }: Days): { readonly from: string; readonly to: string } {
  const moment = (day: Day): string => new Date(momentOf({ day, minute: 0 }, zone)).toISOString();
  return { from: moment(from), to: moment(plusDays(to, 1)) };
}

/** A list from its first part to its last. */
async function all<Row>(ask: AskPart<Row>): Promise<readonly Row[]> {
  const rows: Row[] = [];
  let after: string | undefined;
  for (let parts = 0; parts < MOST_PARTS; parts++) {
    const part = await ask(after);
    rows.push(...part.rows);
    if (part.next === null) break;
    after = part.next;
  }
  return rows;
}

export class BookingsRest {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  occurrences(days: Days, signal: AbortSignal): Promise<readonly Occurrence[]> {
    const between = momentsOf(days);
    return all((after) => partOf(this.#api.GET("/api/v1/bookings", { params: { query: { ...between, ...(after !== undefined && { after }) } }, signal })));
  }

  /** How much there is on each day; what is not told of has nothing. */
  async counts(days: Days, signal: AbortSignal): Promise<ReadonlyMap<Day, number>> {
    const query = { ...momentsOf(days), zone: days.zone };
    const counted = await answered(this.#api.GET("/api/v1/bookings/days", { params: { query }, signal }));
    return new Map(counted.map(({ date, count }) => [date, count]));
  }

  booking(id: string, signal: AbortSignal): Promise<Booking> {
    return answered(this.#api.GET("/api/v1/bookings/{booking}", { params: { path: { booking: id } }, signal }));
  }

  make(details: Details): Promise<Booking> {
    return answered(this.#api.POST("/api/v1/bookings", { body: details as Schemas["CreateBooking"] }));
  }

  change(id: string, version: number, details: Details): Promise<Booking> {
    // What is left out stays as it was: what is empty now is said to be so.
    const { rule = null, hall = null, chair = null } = details;
    const body = { ...details, rule, hall, chair, version } as Schemas["ReviseBooking"];
    return answered(this.#api.PATCH("/api/v1/bookings/{booking}", { params: { path: { booking: id } }, body }));
  }

  async remove(id: string): Promise<void> {
    await answered(this.#api.DELETE("/api/v1/bookings/{booking}", { params: { path: { booking: id } } }));
  }

  publish(id: string, version: number): Promise<Booking> {
    return answered(this.#api.POST("/api/v1/bookings/{booking}/publish", { params: { path: { booking: id } }, body: { version } }));
  }

  cancel(id: string, version: number, reason: string): Promise<Booking> {
    const body = { version, ...(reason !== "" && { reason }) };
    return answered(this.#api.POST("/api/v1/bookings/{booking}/cancel", { params: { path: { booking: id } }, body }));
  }

  copy(id: string): Promise<Booking> {
    return answered(this.#api.POST("/api/v1/bookings/{booking}/copy", { params: { path: { booking: id } }, body: {} }));
  }

  except(id: string, date: Day, version: number, { isLeftOut = false, ...other }: Exception): Promise<Booking> {
    return answered(this.#api.PUT("/api/v1/bookings/{booking}/occurrences/{date}", { params: { path: { booking: id, date } }, body: { version, isLeftOut, ...other } }));
  }

  restore(id: string, date: Day, version: number): Promise<Booking> {
    return answered(this.#api.DELETE("/api/v1/bookings/{booking}/occurrences/{date}", { params: { path: { booking: id, date }, query: { version } } }));
  }

  /** The way into a conference for whoever is logged in: a page that is opened with its token. */
  async enter(conference: string): Promise<string> {
    const { token, page } = await answered(this.#api.POST("/api/v1/conferences/{conference}/enter", { params: { path: { conference } } }));
    return `${page}#token=${token}`;
  }

  conflicts(id: string, signal: AbortSignal): Promise<readonly Conflict[]> {
    return answered(this.#api.GET("/api/v1/bookings/{booking}/conflicts", { params: { path: { booking: id } }, signal }));
  }

  invited(id: string, signal: AbortSignal): Promise<readonly InvitedSite[]> {
    return all((after) => partOf(this.#api.GET("/api/v1/bookings/{booking}/audience", { params: { path: { booking: id }, query: after === undefined ? {} : { after } }, signal })));
  }

  invitations(id: string, { state, province, after }: { state: SentState | ""; province: string; after: string | null }, signal: AbortSignal): Promise<Part<Invitation>> {
    const query = { ...(state !== "" && { state }), ...(province !== "" && { province }), ...(after !== null && { after }) };
    return partOf(this.#api.GET("/api/v1/bookings/{booking}/invitations", { params: { path: { booking: id }, query }, signal }));
  }

  totals(id: string, signal: AbortSignal): Promise<InvitationTotals> {
    return answered(this.#api.GET("/api/v1/bookings/{booking}/invitations/summary", { params: { path: { booking: id } }, signal }));
  }

  /** Sends invitations; how many are on their way. */
  async send(id: string, whom: Whom): Promise<number> {
    const body = whom as Schemas["SendInvitations"];
    const { queued } = await answered(this.#api.POST("/api/v1/bookings/{booking}/invitations/send", { params: { path: { booking: id } }, body }));
    return queued;
  }

  /** A new link for a site: the one before is dead. */
  async reissue(id: string, site: string): Promise<string> {
    const { url } = await answered(this.#api.POST("/api/v1/bookings/{booking}/invitations/{site}/reissue", { params: { path: { booking: id, site } } }));
    return url;
  }

  /** Where the sheet of a province is, to be printed. */
  sheet(id: string, province: string, language: string): string {
    return `/api/v1/bookings/${encodeURIComponent(id)}/sheets/${encodeURIComponent(province)}?${new URLSearchParams({ language })}`;
  }

  provinces(signal: AbortSignal): Promise<readonly { code: string; name: string }[]> {
    return all((after) => partOf(this.#api.GET("/api/v1/sites", { params: { query: { level: "province", limit: SITES, ...(after !== undefined && { after }) } }, signal })));
  }

  /** How ready those are whom a booking invites. */
  readiness(id: string, signal: AbortSignal): Promise<Readiness> {
    return answered(this.#api.GET("/api/v1/bookings/{booking}/readiness", { params: { path: { booking: id }, query: {} }, signal }));
  }

  /** Those with whom something is amiss, the worst first. */
  toPhone(id: string, { province, after }: { province: string | null; after: string | null }, signal: AbortSignal): Promise<Part<ToPhone>> {
    const query = { limit: 40, ...(province !== null && { province }), ...(after !== null && { after }) };
    return partOf(this.#api.GET("/api/v1/bookings/{booking}/readiness/sites", { params: { path: { booking: id }, query }, signal }));
  }

  /** The names of the groups that sites are in. */
  async lists(signal: AbortSignal): Promise<readonly string[]> {
    const groups = await answered(this.#api.GET("/api/v1/sites/groups", { signal }));
    return groups.map(({ name }) => name);
  }

  /** Bookings of late, of which each is named once, the latest first. */
  async former(today: Day, signal: AbortSignal): Promise<readonly { id: string; label: string }[]> {
    const query = { ...momentsOf({ from: plusDays(today, -FORMER_DAYS), to: today, zone: "UTC" }), limit: MOST_FORMER };
    const found = await answered(this.#api.GET("/api/v1/bookings/former", { params: { query }, signal }));
    return found.map(({ id, title, occurrence }) => ({ id, label: `${title} · ${occurrence}` }));
  }

  /**
   * What is known of bookings besides what is planned: of invitations where whoever asks may read them, and of the lines of
   * those that begin `soon`. Of one that cannot be told of, nothing.
   */
  async known(ids: readonly string[], { soon, hasInvitations }: { soon: ReadonlySet<string>; hasInvitations: boolean }, signal: AbortSignal): Promise<ReadonlyMap<string, Known>> {
    const known = ids.slice(0, MOST_KNOWN).map(async (id): Promise<[string, Known]> => {
      const [totals, conflicts, badLines] = await Promise.all([
        hasInvitations ? this.totals(id, signal).catch(() => null) : null,
        this.conflicts(id, signal).catch(() => []),
        soon.has(id) ? this.readiness(id, signal).then(({ total }) => total.red, () => 0) : 0,
      ]);
      const replied = Object.values(totals?.replies ?? {}).reduce((sum, count) => sum + count, 0);
      const invitations = totals === null ? {} : { invitations: { unanswered: totals.sites - replied, refused: totals.states.refused ?? 0, toTellAgain: totals.mustBeToldAgain, unsent: totals.states.notSent ?? 0 } };
      return [id, { ...invitations, conflicts: conflicts.length, badLines }];
    });
    return new Map(await Promise.all(known));
  }
}
