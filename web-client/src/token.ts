// The token from the link: taken out of the address bar, kept for a reload, read for display only.

import type { Role } from "./protocol.ts";

/** What the token says of itself. Unverified: only the server decides what it allows. */
export interface TokenText {
  readonly role: Role | null;
  readonly name: string | null;
}

const NOTHING: TokenText = { role: null, name: null };
const ROLES: readonly Role[] = ["operator", "chair", "hall", "site", "observer"];

/**
 * The token in a fragment like `#token=…`, or `null`. A full stop, a bracket or a space behind it is
 * the sentence's around the link: chat and mail programs make it part of the link.
 */
export function tokenInHash(hash: string): string | null {
  const token = new URLSearchParams(hash.replace(/^#/, "")).get("token")?.trim().replace(/[^\w-]+$/u, "");
  return token === undefined || token === "" ? null : token;
}

/** Reads the payload of a JWT without verifying it. Broken text gives nothing. */
export function readToken(token: string | null): TokenText {
  const [, payload] = token?.split(".") ?? [];
  if (payload === undefined) return NOTHING;
  try {
    const bytes = Uint8Array.from(atob(payload.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
    const claims: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (typeof claims !== "object" || claims === null) return NOTHING;
    const text = (field: string): string | null => {
      const value: unknown = (claims as Record<string, unknown>)[field];
      return typeof value === "string" ? value : null;
    };
    return {
      role: ROLES.find((role) => role === text("role")) ?? null,
      name: text("name"),
    };
  } catch {
    return NOTHING;
  }
}
