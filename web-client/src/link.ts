// The code in a link: exchanged for the token that it stands for. The address, and with it the code, stays in the
// browser's history; but only the browsers that exchanged it first can do so again.

import { ApiError, post } from "./api.ts";
import type { OverReason } from "./verdict.ts";

/** What the code led to. */
export type Exchange = { readonly token: string } | { readonly refused: OverReason };

/** Seconds between two attempts when the server cannot be reached. */
const RETRY_SECONDS = 3;

/** The code in a fragment like `#code=…`, or `null`. */
export function codeInHash(hash: string): string | null {
  const code = new URLSearchParams(hash.replace(/^#/u, "")).get("code")?.trim().replace(/[^\w-]+$/u, "");
  return code === undefined || code === "" ? null : code;
}

/** What a refusal means to people; `null` if another attempt may succeed. */
export function refusalOf(code: string): OverReason | null {
  switch (code) {
    case "not_permitted":
      return "link_elsewhere";
    case "token_invalid":
    case "token_expired":
    case "token_revoked":
    case "not_invited":
      return code;
    case "bad_message":
      return "token_invalid";
    default:
      return null;
  }
}

function tokenOf(body: unknown): string | null {
  const token = typeof body === "object" && body !== null ? (body as Record<string, unknown>)["token"] : undefined;
  return typeof token === "string" ? token : null;
}

/** Exchanges the code, as often as it takes to reach the server. */
export async function exchangeCode(
  code: string,
  signal: AbortSignal,
  wait: (seconds: number) => Promise<void> = (seconds) => new Promise((done) => setTimeout(done, seconds * 1_000)),
): Promise<Exchange> {
  for (;;) {
    try {
      const token = tokenOf(await post("/links/exchange", { code }, signal));
      return token === null ? { refused: "outdated" } : { token };
    } catch (error) {
      signal.throwIfAborted();
      const refused = error instanceof ApiError ? refusalOf(error.code) : null;
      if (refused !== null) return { refused };
    }
    await wait(RETRY_SECONDS);
  }
}
