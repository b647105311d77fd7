// What the check page tells before the join: the conference's title, the site's name, and whether the link is good.

import { ApiError, call } from "./api.ts";
import type { ConferenceLife } from "./protocol.ts";
import type { OverReason } from "./verdict.ts";

export interface Invitation {
  readonly title: string | null;
  readonly site: string | null;
  readonly state: ConferenceLife | null;
  /** When the door opens, where the conference is booked and that is still to come. */
  readonly opensAt: string | null;
  /** In how many seconds this page checks its line by itself, the next time first. */
  readonly checksIn: readonly number[];
}

/** What a link leads to: an invitation, a page that says why not, or one that waits until its time has come. */
export type Truth =
  | { readonly invitation: Invitation }
  | { readonly over: OverReason }
  | { readonly waiting: "token_not_yet_valid" };

export const NO_INVITATION: Invitation = { title: null, site: null, state: null, opensAt: null, checksIn: [] };

function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

/** Reads the answer of `GET /api/v1/invitation`; what is missing stays `null`. */
export function readInvitation(body: unknown): Invitation {
  const text = (value: unknown): string | null => (typeof value === "string" && value !== "" ? value : null);
  const state = field(field(body, "conference"), "state");
  const checksIn = field(body, "checksIn");
  return {
    title: text(field(field(body, "conference"), "title")),
    site: text(field(field(body, "site"), "name")),
    state: state === "scheduled" || state === "running" || state === "ended" ? state : null,
    opensAt: text(field(field(body, "conference"), "opensAt")),
    checksIn: Array.isArray(checksIn) ? checksIn.filter((seconds) => typeof seconds === "number") : [],
  };
}

/** What a refusal says of the link; `null` for one that is not the link's fault. */
export function faultOf(code: string): Truth | null {
  switch (code) {
    case "token_invalid":
    case "token_expired":
    case "token_revoked":
    case "not_invited":
    case "conference_unknown":
    case "conference_cancelled":
    case "not_permitted":
      return { over: code };
    case "token_not_yet_valid":
      return { waiting: code };
    default:
      return null;
  }
}

/** In how many seconds checks of this place's line are due; `null` when the server cannot say. */
export async function fetchChecksDue(token: string, signal: AbortSignal): Promise<readonly number[] | null> {
  const truth = await fetchTruth(token, signal);
  if ("over" in truth) return [];
  return "invitation" in truth && truth.invitation.state !== null ? truth.invitation.checksIn : null;
}

/** Asks what the token invites to. When the server cannot say, the check page is shown: joining will tell. */
export async function fetchTruth(token: string, signal: AbortSignal): Promise<Truth> {
  try {
    const invitation = readInvitation(await call("GET", "/invitation", token, signal));
    return invitation.state === "ended" ? { over: "conference_ended" } : { invitation };
  } catch (error) {
    signal.throwIfAborted();
    return (error instanceof ApiError ? faultOf(error.code) : null) ?? { invitation: NO_INVITATION };
  }
}
