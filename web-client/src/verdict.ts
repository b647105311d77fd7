// What a lost connection means: come back when, or not at all. Pure.

/** Why this page will not come back by itself. */
export type OverReason =
  | "left"
  | "replaced"
  | "conference_ended"
  | "conference_full"
  | "server_full"
  | "removed"
  | "token_missing"
  | "token_invalid"
  | "token_expired"
  | "token_revoked"
  | "conference_unknown"
  | "not_permitted"
  | "outdated";

/** Why it is waiting before the next attempt. */
export type WaitReason =
  | "network"
  | "restarting"
  | "overloaded"
  | "conference_not_running";

export type Verdict =
  | { readonly next: "over"; readonly reason: OverReason }
  /** The session is gone but the token may still be good. */
  | { readonly next: "join" }
  | { readonly next: "wait"; readonly reason: WaitReason; readonly seconds: number | null };

/** What is known about how a connection ended. */
export interface Ending {
  /** WebSocket close code. */
  readonly code: number;
  /** From `closing`, or else from the last `error` that blamed no request. */
  readonly reason: string | null;
  readonly retryAfterSeconds: number | null;
}

/** How often to knock while a conference has not begun. Higher: a later start; lower: needless knocking of a whole country. */
const KNOCK_SECONDS = 10;

const BY_CODE: Readonly<Record<number, string>> = {
  1011: "internal",
  1012: "restarting",
  4000: "bad_message",
  4001: "replaced",
  4003: "token_invalid",
  4004: "session_unknown",
  4008: "overloaded",
  4009: "conference_ended",
  4010: "removed",
  4011: "conference_full",
  4012: "server_full",
  4013: "overloaded",
};

/** Judges how a connection ended. An unknown reason is treated as a broken network: try again. */
export function judge({ code, reason, retryAfterSeconds }: Ending): Verdict {
  const why = reason ?? BY_CODE[code] ?? "network";
  switch (why) {
    case "replaced":
    case "conference_ended":
    case "conference_full":
    case "server_full":
    case "removed":
    case "token_invalid":
    case "token_expired":
    case "token_revoked":
    case "conference_unknown":
    case "not_permitted":
      return { next: "over", reason: why };
    case "bad_message":
    case "too_large":
    case "unsupported_protocol":
    case "join_first":
      return { next: "over", reason: "outdated" };
    case "session_unknown":
      return { next: "join" };
    case "conference_not_running":
      return { next: "wait", reason: why, seconds: retryAfterSeconds ?? KNOCK_SECONDS };
    case "restarting":
      return { next: "wait", reason: "restarting", seconds: retryAfterSeconds };
    case "overloaded":
    case "rate_limited":
    case "too_slow":
    case "internal":
      return { next: "wait", reason: "overloaded", seconds: retryAfterSeconds };
    default:
      return { next: "wait", reason: "network", seconds: retryAfterSeconds };
  }
}

/** Longest wait between two attempts, in seconds. Higher: kinder to a struggling server; lower: back sooner. */
const LONGEST_SECONDS = 10;

/**
 * How long to wait before attempt `attempt` (from 1), in milliseconds.
 * `random` is in [0, 1): a country that lost its server must not come back in one instant.
 */
export function waitMs(attempt: number, seconds: number | null, random: number): number {
  if (seconds !== null) return seconds * 1000 * (1 + random / 2);
  const ceiling = Math.min(LONGEST_SECONDS, 0.5 * 2 ** (attempt - 1));
  return ceiling * 1000 * (0.5 + random / 2);
}
