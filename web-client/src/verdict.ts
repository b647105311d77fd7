// What a lost connection means: come back when, or not at all. Pure.

/** Why this page will not come back by itself. */
export type OverReason =
  | "left"
  | "replaced"
  | "taken_over"
  | "conference_ended"
  | "conference_full"
  | "server_full"
  | "removed"
  | "token_missing"
  | "token_invalid"
  | "token_expired"
  | "token_revoked"
  | "not_invited"
  | "link_elsewhere"
  | "no_page"
  | "conference_unknown"
  | "conference_cancelled"
  | "not_permitted"
  | "outdated";

/** Why it is waiting before the next attempt. */
export type WaitReason = "network" | "restarting" | "overloaded" | "token_not_yet_valid" | "conference_not_open";

export type Verdict =
  | { readonly next: "over"; readonly reason: OverReason }
  /** The session is gone but the token may still be good. */
  | { readonly next: "join" }
  | { readonly next: "wait"; readonly reason: WaitReason; readonly seconds: number | null };

/** What is known about how a connection ended. */
export interface Ending {
  /** WebSocket close code. */
  readonly code: number;
  /** From the `error` that refused the join, else from `closing`. */
  readonly reason: string | null;
  readonly retryAfterSeconds: number | null;
}

/** What an ending means: a copy of the server's table, against which it is tested. */
type Meaning =
  | { readonly code: number; readonly comeBack: "never"; readonly sentence: OverReason }
  | { readonly code: number; readonly comeBack: "join" }
  | { readonly code: number; readonly comeBack: "after"; readonly seconds: number; readonly sentence: WaitReason };

export const ENDINGS: Readonly<Record<string, Meaning>> = {
  bad_message: { code: 4000, comeBack: "never", sentence: "outdated" },
  too_large: { code: 4000, comeBack: "never", sentence: "outdated" },
  replaced: { code: 4001, comeBack: "never", sentence: "replaced" },
  taken_over: { code: 4002, comeBack: "never", sentence: "taken_over" },
  token_invalid: { code: 4003, comeBack: "never", sentence: "token_invalid" },
  token_expired: { code: 4003, comeBack: "never", sentence: "token_expired" },
  token_revoked: { code: 4003, comeBack: "never", sentence: "token_revoked" },
  not_invited: { code: 4016, comeBack: "never", sentence: "not_invited" },
  token_not_yet_valid: { code: 4014, comeBack: "after", seconds: 15, sentence: "token_not_yet_valid" },
  session_unknown: { code: 4004, comeBack: "join" },
  rate_limited: { code: 4008, comeBack: "after", seconds: 5, sentence: "overloaded" },
  too_slow: { code: 4008, comeBack: "after", seconds: 5, sentence: "overloaded" },
  conference_ended: { code: 4009, comeBack: "never", sentence: "conference_ended" },
  conference_not_open: { code: 4015, comeBack: "after", seconds: 60, sentence: "conference_not_open" },
  removed: { code: 4010, comeBack: "never", sentence: "removed" },
  conference_full: { code: 4011, comeBack: "never", sentence: "conference_full" },
  server_full: { code: 4012, comeBack: "never", sentence: "server_full" },
  overloaded: { code: 4013, comeBack: "after", seconds: 3, sentence: "overloaded" },
  internal: { code: 1011, comeBack: "after", seconds: 3, sentence: "overloaded" },
  restarting: { code: 1012, comeBack: "after", seconds: 3, sentence: "restarting" },
  join_first: { code: 4000, comeBack: "never", sentence: "outdated" },
  unsupported_protocol: { code: 4000, comeBack: "never", sentence: "outdated" },
  not_permitted: { code: 4003, comeBack: "never", sentence: "not_permitted" },
  conference_unknown: { code: 4009, comeBack: "never", sentence: "conference_unknown" },
  conference_not_running: { code: 4009, comeBack: "never", sentence: "conference_ended" },
  conference_cancelled: { code: 4009, comeBack: "never", sentence: "conference_cancelled" },
};

/** What an ending without a known reason means: the first row with its close code. */
function byCode(code: number): Meaning | undefined {
  return Object.values(ENDINGS).find((meaning) => meaning.code === code);
}

/** Judges how a connection ended. An unknown reason is treated as a broken network: try again. */
export function judge({ code, reason, retryAfterSeconds }: Ending): Verdict {
  const meaning = (reason !== null && Object.hasOwn(ENDINGS, reason) ? ENDINGS[reason] : undefined) ?? byCode(code);
  switch (meaning?.comeBack) {
    case "never":
      return { next: "over", reason: meaning.sentence };
    case "join":
      return { next: "join" };
    case "after":
      return { next: "wait", reason: meaning.sentence, seconds: retryAfterSeconds ?? meaning.seconds };
    case undefined:
      return { next: "wait", reason: "network", seconds: retryAfterSeconds };
    default:
      return meaning satisfies never;
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
