// Bookings, their occurrences and invitations, as the server tells of them.

import type { Audience } from "./audience.ts";
import type { Day } from "./day.ts";

export const KINDS = ["meeting", "briefing", "training"] as const;
export type Kind = (typeof KINDS)[number];

export type BookingState = "draft" | "published" | "changed" | "cancelled" | "past";

/** One time that a booking takes place. */
export interface Occurrence {
  readonly booking: string;
  /** The day on which its series says that it is, whether or not it was moved. */
  readonly occurrence: Day;
  readonly conference?: string | null;
  readonly title: string;
  readonly kind: Kind;
  readonly startsAt: string;
  readonly durationMinutes: number;
  readonly zone: string;
  readonly state: BookingState;
  /** How it stands with its conference, once there is one. */
  readonly phase?: "scheduled" | "running" | "ended" | null;
  readonly hall?: string | null;
  readonly invited: number;
}

export interface AgendaDocument {
  readonly name: string;
  readonly note?: string | null;
}

export interface AgendaItem {
  readonly title: string;
  /** The code of a site. */
  readonly speaker?: string | null;
  readonly minutes: number;
  readonly documents?: readonly AgendaDocument[];
}

/** Minutes before the beginning at which doors open; with the conference where nothing is said. */
export interface Doors {
  readonly chair?: number | null;
  readonly hall?: number | null;
  readonly provinces?: number | null;
  readonly sites?: number | null;
}

/** What somebody says of a conference that is planned. */
export interface Details {
  readonly title: string;
  readonly kind: Kind;
  /** `2026-11-30T08:00:00`, on the clocks of `zone`. */
  readonly startsAtLocal: string;
  readonly zone: string;
  readonly durationMinutes: number;
  readonly rule?: string | null;
  readonly hall?: string | null;
  readonly chair?: { readonly account?: string | null; readonly name?: string | null } | null;
  readonly operators: readonly string[];
  readonly audience: Audience;
  readonly agenda: readonly AgendaItem[];
  readonly opensMinutesBefore: number;
  readonly doors: Doors;
  readonly language: string;
}

/** What is another on one day of a series. */
export interface Exception {
  readonly isLeftOut?: boolean;
  readonly startsAtLocal?: string | null;
  readonly durationMinutes?: number | null;
  readonly title?: string | null;
  readonly hall?: string | null;
}

export interface Booking extends Details {
  readonly id: string;
  readonly version: number;
  readonly state: BookingState;
  readonly exceptions: readonly (Exception & { readonly date: Day })[];
  readonly invited: number;
  readonly reason?: string | null;
}

/** What stands in the way of one day of a booking. */
export interface Conflict {
  readonly occurrence: Day;
  readonly with: { readonly booking: string; readonly occurrence: Day; readonly title: string; readonly startsAt: string; readonly endsAt: string };
  readonly hall?: string | null;
  readonly sameChair: boolean;
  /** How many sites are invited to both. */
  readonly sites: number;
  readonly siteCodes: readonly string[];
}

export const SENT_STATES = ["notSent", "queued", "sent", "opened", "refused"] as const;
export type SentState = (typeof SENT_STATES)[number];
export const REPLIES = ["coming", "excused", "sends"] as const;
export type ReplyKind = (typeof REPLIES)[number];

export interface Reply {
  readonly is: ReplyKind;
  readonly reason?: string | null;
  readonly who?: string | null;
  readonly count?: number | null;
  readonly at?: string;
}

/** How it stands with one site that is invited. */
export interface Invitation {
  readonly site: string;
  readonly name: string;
  readonly province?: string | null;
  readonly state: SentState;
  readonly channel?: string | null;
  readonly mustBeToldAgain: boolean;
  readonly reply?: Reply | null;
}

/** How many of all that are invited. */
export interface InvitationTotals {
  readonly sites: number;
  readonly states: Readonly<Partial<Record<SentState, number>>>;
  readonly replies: Readonly<Partial<Record<ReplyKind, number>>>;
  readonly mustBeToldAgain: number;
}

/** A site that a booking invites. */
export interface InvitedSite {
  readonly code: string;
  readonly name: string;
  readonly level?: string | null;
  readonly province?: string | null;
}
