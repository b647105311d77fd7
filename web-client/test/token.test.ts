import { describe, expect, it } from "vitest";
import { NO_INVITATION, readInvitation } from "../src/invitation.ts";
import { readToken, tokenInHash } from "../src/token.ts";

const jwt = (claims: unknown): string => `e30.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.sig`;

describe("the token in the link", () => {
  it.each([
    ["#token=abc.def.ghi", "abc.def.ghi"],
    ["#lang=en&token=a.b.c", "a.b.c"],
    ["#token=abc.def.ghi.", "abc.def.ghi"],
    ["#token=abc.def.g-_)", "abc.def.g-_"],
    ["#token=abc.def.ghi%3E", "abc.def.ghi"],
    ["#token=abc.def.ghi%20", "abc.def.ghi"],
    ["#token=abc.def.ghi…", "abc.def.ghi"],
    ["#token=", null],
    ["#token=.", null],
    ["", null],
    ["#other", null],
  ])("of %j is %j", (hash, token) => {
    expect(tokenInHash(hash)).toBe(token);
  });
});

describe("what a token says", () => {
  it("is read with its accents", () => {
    expect(readToken(jwt({ conf: "C1", role: "site", site: "00004", name: "Phường Ba Đình" }))).toEqual({
      role: "site",
      name: "Phường Ba Đình",
    });
  });

  it.each([null, "", "a", "a.%%%.c", jwt(7), jwt({ role: "emperor", site: 4 })])("is nothing for %j", (token) => {
    expect(readToken(token)).toEqual({ role: null, name: null });
  });
});

describe("the invitation", () => {
  it("gives the conference's title and the site's name", () => {
    const body = {
      conference: { id: "C1", title: "Giao ban", state: "running" },
      role: "site",
      site: { code: "00004", name: "Phường Ba Đình" },
      checksIn: [640, 3_940],
    };
    expect(readInvitation(body)).toEqual({ title: "Giao ban", site: "Phường Ba Đình", state: "running", opensAt: null, checksIn: [640, 3_940] });
  });

  it.each([null, [], { conference: 7, site: null }])("of %j tells nothing", (body) => {
    expect(readInvitation(body)).toEqual(NO_INVITATION);
  });
});
