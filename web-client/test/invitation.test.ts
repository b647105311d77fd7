import { afterEach, describe, expect, it, vi } from "vitest";
import { fetchChecksDue, fetchTruth, NO_INVITATION } from "../src/invitation.ts";

const asked = (status: number, body: unknown): void => {
  vi.stubGlobal("fetch", () => Promise.resolve(new Response(JSON.stringify(body), { status })));
};
const truth = () => fetchTruth("token", new AbortController().signal);

afterEach(() => void vi.unstubAllGlobals());

describe("a link", () => {
  it("to a conference says which and for whom", async () => {
    asked(200, { conference: { title: "Giao ban", state: "scheduled" }, site: { name: "Phường Ba Đình" } });
    expect(await truth()).toEqual({ invitation: { title: "Giao ban", site: "Phường Ba Đình", state: "scheduled", opensAt: null, checksIn: [] } });
  });

  it("to one that has ended says so before anybody clicks", async () => {
    asked(200, { conference: { title: "Giao ban", state: "ended" }, site: null });
    expect(await truth()).toEqual({ over: "conference_ended" });
  });

  it.each(["token_expired", "token_invalid", "token_revoked", "not_invited", "conference_unknown", "conference_cancelled", "not_permitted"])(
    "that is no good says why: %s",
    async (code) => {
      asked(401, { code });
      expect(await truth()).toEqual({ over: code });
    },
  );

  it("for a later hour waits for it", async () => {
    asked(401, { code: "token_not_yet_valid" });
    expect(await truth()).toEqual({ waiting: "token_not_yet_valid" });
  });

  it("of which a busy server says nothing leads to the check page", async () => {
    asked(503, { code: "overloaded" });
    expect(await truth()).toEqual({ invitation: NO_INVITATION });
  });
});

describe("checks of a place that waits", () => {
  const due = () => fetchChecksDue("token", new AbortController().signal);

  it("are due when the server says, and none when the link is good no more", async () => {
    asked(200, { conference: { state: "scheduled" }, checksIn: [640, 3_940] });
    expect(await due()).toEqual([640, 3_940]);
    asked(401, { code: "token_revoked" });
    expect(await due()).toEqual([]);
  });

  it("are not known where the server does not answer", async () => {
    asked(503, { code: "overloaded" });
    expect(await due()).toBeNull();
  });
});
