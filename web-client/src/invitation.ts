// What the check page tells before the join: the conference's title and the site's name.

import { call } from "./api.ts";

export interface Invitation {
  readonly title: string | null;
  readonly site: string | null;
}

export const NO_INVITATION: Invitation = { title: null, site: null };

function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

/** Reads the answer of `GET /api/v1/invitation`; what is missing stays `null`. */
export function readInvitation(body: unknown): Invitation {
  const text = (value: unknown): string | null => (typeof value === "string" && value !== "" ? value : null);
  return { title: text(field(field(body, "conference"), "title")), site: text(field(field(body, "site"), "name")) };
}

/** Asks what the token invites to. A server that refuses leaves it untold: joining will say why. */
export async function fetchInvitation(token: string, signal: AbortSignal): Promise<Invitation> {
  return readInvitation(await call("GET", "/invitation", token, signal));
}
