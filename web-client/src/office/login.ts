// Who somebody is: how one may log in, and what comes of it.

import { ApiError } from "../api.ts";
import type { Verb } from "./verbs.ts";

/** How one may log in. */
export interface Ways {
  readonly local: boolean;
  readonly providers: readonly { readonly id: string; readonly name: string }[];
  /** There is no administrator yet. */
  readonly isFirst: boolean;
}

/** Who somebody is. */
export interface Own {
  readonly id: string;
  readonly login: string;
  readonly name: string;
  readonly role: string;
  readonly province?: string | null;
}

/** Somebody who is logged in, and what they may do. */
export interface LoggedIn {
  readonly account: Own;
  readonly verbs: readonly Verb[];
}

/** With what somebody comes who has a one-time code. */
export interface Welcome {
  readonly code: string;
  readonly login?: string;
  readonly name?: string;
  readonly password: string;
}

/** Fewest characters of a password. */
export const MIN_PASSWORD = 12;

const LOGIN = "/api/v1/login";

async function ask<Answer>(method: string, path: string, body?: unknown): Promise<Answer> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(path, { method, ...(body !== undefined && { headers, body: JSON.stringify(body) }) });
  const answer: unknown = await response.json().catch(() => null);
  if (!response.ok) {
    const { code, message } = (answer ?? {}) as Record<string, unknown>;
    throw new ApiError(typeof code === "string" ? code : `HTTP ${response.status}`, typeof message === "string" ? message : `${response.status}`);
  }
  return answer as Answer;
}

export const askWays = (): Promise<Ways> => ask("GET", `${LOGIN}/ways`);

/** Who comes with the cookie; `null` if nobody does. */
export async function askWho(): Promise<LoggedIn | null> {
  try {
    return await ask("GET", LOGIN);
  } catch (error) {
    if (error instanceof ApiError && isUnknown(error.code)) return null;
    throw error;
  }
}

export const logIn = (login: string, password: string): Promise<LoggedIn> => ask("POST", LOGIN, { login, password });

export const welcome = (come: Welcome): Promise<LoggedIn> => ask("POST", `${LOGIN}/welcome`, come);

export const logOut = (): Promise<void> => ask("DELETE", LOGIN);

/** Where a provider asks who somebody is, who goes on then at the page of this `hash`. */
export function addressOfProvider(id: string, hash = ""): string {
  const then = hash.startsWith("#/") && hash !== "#/" ? `?${new URLSearchParams({ then: hash.slice(1) })}` : "";
  return `${LOGIN}/oidc/${encodeURIComponent(id)}${then}`;
}

/** Why nobody comes in who was at a provider. Each has a sentence. */
export const PROVIDER_REFUSALS = ["provider_away", "provider_nonsense", "provider_denied", "login_late", "rate_limited", "not_permitted"] as const;

export type ProviderRefusal = (typeof PROVIDER_REFUSALS)[number];

/** The refusal with which the server leads somebody back; `null` where it does not. */
export function providerRefusal(hash: string): ProviderRefusal | null {
  return PROVIDER_REFUSALS.find((refusal) => hash === `#refused=${refusal}`) ?? null;
}

/** Whether a refusal means that the server does not know who asks. */
function isUnknown(code: string): boolean {
  return code.startsWith("token_") || code.startsWith("login_") || code === "HTTP 401";
}
