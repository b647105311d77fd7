// The check's calls at the server.

import { ApiError, callWith, postSdp } from "../api.ts";
import { type Begun, type Measured, type Means, type Outcome, readBegun, readOutcome } from "./contract.ts";
import type { Refusal } from "./check.ts";

/** Begins a check, for the site of the token if there is one. */
export async function begin(token: string | null, signal: AbortSignal): Promise<Begun | Refusal> {
  try {
    return readBegun(await callWith("POST", "/checks", { token, signal })) ?? "noAnswer";
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof ApiError)) return "noAnswer";
    // A token that is over is no reason for not looking at the line.
    if (token !== null && error.code.startsWith("token_")) return begin(null, signal);
    return "busy";
  }
}

/** What of a check a connection is for. */
export interface Place {
  readonly means: Means;
  readonly direction: "send" | "receive";
  /** Where this page was reached, instead of where the server says that it is. */
  readonly isBeside?: boolean;
}

/** Gives an offer for a place of a check; the answer. */
export function negotiate(id: string, { means, direction, isBeside }: Place, sdp: string, signal: AbortSignal): Promise<string> {
  return postSdp(`/checks/${encodeURIComponent(id)}/${means}/${direction}${isBeside ? "?beside=true" : ""}`, sdp, signal);
}

/** Sends what was measured; the outcome, or `null` if the check is over or the server does not answer. */
export async function report(id: string, measured: Measured, signal: AbortSignal): Promise<Outcome | null> {
  try {
    return readOutcome(await callWith("PUT", `/checks/${encodeURIComponent(id)}/result`, { body: measured, signal }));
  } catch {
    return null;
  }
}
