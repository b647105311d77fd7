// The REST interface of the server, as far as pages use it.

/** An answer that is not the one asked for. `code` is one of the protocol's, or the HTTP status. */
export class ApiError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = "ApiError";
    this.code = code;
  }
}

/** Reads the code of an error's body; the HTTP status if there is none. */
function codeOf(body: unknown, status: number): string {
  const code = typeof body === "object" && body !== null ? (body as Record<string, unknown>)["code"] : undefined;
  return typeof code === "string" ? code : `HTTP ${status}`;
}

const API = "/api/v1";

/** Asks `/api/v1` + `path`. Rejects with an `ApiError` when the server refuses, and with what `fetch` throws. */
async function ask(path: string, request: RequestInit & { method: string }): Promise<unknown> {
  const response = await fetch(API + path, request);
  const body: unknown = await response.json().catch(() => null);
  if (!response.ok) throw new ApiError(codeOf(body, response.status), `${request.method} ${path}: ${response.status}`);
  return body;
}

/** Calls `/api/v1` + `path` with a token. */
export function call(method: "GET" | "POST", path: string, token: string, signal: AbortSignal): Promise<unknown> {
  return ask(path, { method, headers: { authorization: `Bearer ${token}` }, signal });
}

/** Asks for `/api/v1` + `path`, without a token. */
export function get(path: string, signal: AbortSignal): Promise<unknown> {
  return ask(path, { method: "GET", signal });
}

/** Sends JSON to `/api/v1` + `path`, without a token. */
export function post(path: string, body: unknown, signal: AbortSignal): Promise<unknown> {
  return callWith("POST", path, { body, signal });
}

/** Calls `/api/v1` + `path` with a token if there is one, and with a body if there is one. */
export function callWith(
  method: "POST" | "PUT",
  path: string,
  { token = null, body, signal }: { token?: string | null; body?: unknown; signal: AbortSignal },
): Promise<unknown> {
  const headers = {
    ...(token !== null && { authorization: `Bearer ${token}` }),
    ...(body !== undefined && { "content-type": "application/json" }),
  };
  return ask(path, { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }), signal });
}

/** Sends an offer to `/api/v1` + `path`; the answer. */
export async function postSdp(path: string, sdp: string, signal: AbortSignal): Promise<string> {
  const headers = { "content-type": "application/sdp" };
  const response = await fetch(API + path, { method: "POST", headers, body: sdp, signal });
  if (!response.ok) throw new ApiError(`HTTP ${response.status}`, `POST ${path}: ${response.status}`);
  return response.text();
}
