// What the page behind a short link asks of the server.

import { ApiError, callWith, get } from "../api.ts";
import { type Asked, readAsked, readReply, type Reply, written } from "./asked.ts";

/** What the server says of a code that is nobody's, or nobody's any more. */
const REFUSALS: ReadonlySet<string> = new Set(["not_found", "token_invalid", "bad_message"]);

const at = (code: string): string => `/invitation/${encodeURIComponent(code)}`;

/** What the code invites to. Rejects where the server cannot be reached. */
export async function fetchAsked(code: string, signal: AbortSignal): Promise<Asked | "unknown"> {
  try {
    const asked = readAsked(await get(at(code), signal));
    if (asked === null) throw new Error("the server says something else");
    return asked;
  } catch (error) {
    if (error instanceof ApiError && REFUSALS.has(error.code)) return "unknown";
    throw error;
  }
}

/** Sends the reply; what the server keeps of it. */
export async function sendReply(code: string, reply: Reply, signal: AbortSignal): Promise<Reply> {
  const kept = readReply(await callWith("PUT", `${at(code)}/reply`, { body: written(reply), signal }));
  return kept ?? { ...reply, at: new Date().toISOString() };
}

/** The file that a calendar reads. */
export const calendarOf = (code: string): string => `/api/v1${at(code)}/calendar.ics`;
