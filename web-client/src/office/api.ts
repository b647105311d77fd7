// The typed client of the REST interface, made of its description (`schema.d.ts`).

import createClient, { type Client } from "openapi-fetch";
import { ApiError } from "../api.ts";
import type { paths } from "./schema.d.ts";

export type Api = Client<paths>;

/** Where people log in and out: what is refused there is told there. */
const LOGIN = "/api/v1/login";

/**
 * A client that comes with the cookie of the log-in. Where the server knows nobody (any more), `again` lets the person log
 * in; what was asked is asked once more then, and whoever asked has noticed nothing.
 */
export function makeApi(again: () => Promise<void>, send: typeof fetch = fetch): Api {
  return createClient<paths>({
    baseUrl: location.origin,
    async fetch(request: Request) {
      const path = new URL(request.url).pathname;
      const spare = request.clone();
      const response = await send(request);
      if (response.status !== 401 || path === LOGIN || path.startsWith(`${LOGIN}/`)) return response;
      await again();
      return send(spare);
    },
  });
}

interface Answer<Data> {
  readonly data?: Data | undefined;
  readonly error?: unknown;
  readonly response: Response;
}

/** What was answered. Rejects with an `ApiError` where the server refuses, with its code and its own words. */
export async function answered<Data>(asked: Promise<Answer<Data>>): Promise<Data> {
  const { data, error, response } = await asked;
  if (!response.ok) throw refusal(error, response);
  // An answer without a body is one.
  return data as Data;
}

function refusal(body: unknown, { status, url }: Response): ApiError {
  const { code, message } = (typeof body === "object" && body !== null ? body : {}) as Record<string, unknown>;
  return new ApiError(typeof code === "string" ? code : `HTTP ${status}`, typeof message === "string" ? message : `${url}: ${status}`);
}

/** A part of a list, and the key after which the next one begins; `null` after the last. */
export interface Part<Row> {
  readonly rows: readonly Row[];
  readonly next: string | null;
}

/** A part of a list, with what its header `link` says of the next one (RFC 8288). */
export async function partOf<Row>(asked: Promise<Answer<Row[]>>): Promise<Part<Row>> {
  const { response, ...rest } = await asked;
  const rows = await answered(Promise.resolve({ ...rest, response }));
  return { rows, next: nextAfter(response.headers.get("link")) };
}

/** `</api/v1/sites?limit=2&after=01>; rel="next"` → `01`. */
export function nextAfter(link: string | null): string | null {
  const [, target] = /<([^>]*)>\s*;\s*rel="?next"?/u.exec(link ?? "") ?? [];
  return target === undefined ? null : new URL(target, "http://here").searchParams.get("after");
}
