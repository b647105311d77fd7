// What the page behind a short link asks of the server.

import { ApiError, callWith, get } from "../api.ts";
import { type Asked, readAsked, readReply, type Reply, written } from "./asked.ts";

/** Why there is nothing to be shown. */
export type Refused = "unknown" | "withdrawn";

const REFUSALS: Readonly<Record<string, Refused>> = {
  token_invalid: "unknown",
  bad_message: "unknown",
  not_found: "unknown",
  token_expired: "withdrawn",
  token_revoked: "withdrawn",
};

const at = (code: string): string => `/invitation/${encodeURIComponent(code)}`;

/** What the code invites to. Rejects where the server cannot be reached. */
export async function fetchAsked(code: string, signal: AbortSignal): Promise<Asked | Refused> {
  try {
    const asked = readAsked(await get(at(code), signal));
    if (asked === null) throw new Error("the server says something else");
    return asked;
  } catch (error) {
    const refused = error instanceof ApiError ? REFUSALS[error.code] : undefined;
    if (refused === undefined) throw error;
    return refused;
  }
}

/** Sends the reply; what the server keeps of it. */
export async function sendReply(code: string, reply: Reply, signal: AbortSignal): Promise<Reply> {
  const kept = readReply(await callWith("PUT", `${at(code)}/reply`, { body: written(reply), signal }));
  return kept ?? { ...reply, at: new Date().toISOString() };
}

/** The file that a calendar reads. */
export const calendarOf = (code: string): string => `/api/v1${at(code)}/calendar.ics`;
