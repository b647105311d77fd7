import { afterEach, describe, expect, it, vi } from "vitest";
import { codeInHash, exchangeCode, refusalOf } from "../src/link.ts";

const { signal } = new AbortController();
const never = (): Promise<void> => Promise.reject(new Error("no second attempt was expected"));

function answers(...replies: readonly (Response | Error)[]): ReturnType<typeof vi.fn> {
  const waiting = [...replies];
  const fetch = vi.fn(() => {
    const reply = waiting.shift();
    return reply instanceof Response ? Promise.resolve(reply) : Promise.reject(reply ?? new Error("asked too often"));
  });
  vi.stubGlobal("fetch", fetch);
  return fetch;
}

afterEach(() => {
  vi.unstubAllGlobals();
});

describe("the code in the link", () => {
  it.each([
    ["#code=7KQM-2FJX-9VTP-3HWS", "7KQM-2FJX-9VTP-3HWS"],
    ["#code=7KQM-2FJX-9VTP-3HWS.", "7KQM-2FJX-9VTP-3HWS"],
    ["#code=", null],
    ["#token=a.b.c", null],
    ["", null],
  ])("of %j is %j", (hash, code) => {
    expect(codeInHash(hash)).toBe(code);
  });

  it("is exchanged for the token", async () => {
    const fetch = answers(Response.json({ token: "a.b.c" }));
    expect(await exchangeCode("7KQM", signal, never)).toEqual({ token: "a.b.c" });
    expect(fetch).toHaveBeenCalledWith(
      "/api/v1/links/exchange",
      expect.objectContaining({ method: "POST", body: '{"code":"7KQM"}' }),
    );
  });

  it("is tried again until the server can be reached", async () => {
    answers(new TypeError("offline"), new Response("", { status: 503 }), Response.json({ token: "a.b.c" }));
    const wait = vi.fn(() => Promise.resolve());
    expect(await exchangeCode("7KQM", signal, wait)).toEqual({ token: "a.b.c" });
    expect(wait).toHaveBeenCalledTimes(2);
  });

  it("of another browser's link is refused with a sentence of its own", async () => {
    answers(Response.json({ code: "not_permitted", message: "…" }, { status: 403 }));
    expect(await exchangeCode("7KQM", signal, never)).toEqual({ refused: "link_elsewhere" });
  });

  it.each([
    ["token_invalid", "token_invalid"],
    ["token_revoked", "token_revoked"],
    ["not_invited", "not_invited"],
    ["bad_message", "token_invalid"],
    ["rate_limited", null],
    ["internal", null],
    ["HTTP 502", null],
  ])("refused with %s means %j", (code, reason) => {
    expect(refusalOf(code)).toBe(reason);
  });
});
