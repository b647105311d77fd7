import { describe, expect, it } from "vitest";
import type { Booking, Details } from "../src/office/calendar/contract.ts";
import { asSent, detailsOf, faultsOf, isSame, putUpon, timed, toldOtherwise, usualDetails } from "../src/office/calendar/details.ts";

const HANOI = "Asia/Ho_Chi_Minh";
const usual = (part: Partial<Details> = {}): Details => ({ ...usualDetails("2026-11-30", HANOI, "vi"), title: "Giao ban", ...part });

describe("what is written of a booking", () => {
  it("lacks nothing but a title at first, and somebody who is invited before it is published", () => {
    expect([...faultsOf(usualDetails("2026-11-30", HANOI, "vi"), true)]).toEqual(["title"]);
    expect([...faultsOf(usual(), false)]).toEqual(["audience"]);
    expect([...faultsOf(usual({ audience: { all: true } }), false)]).toEqual([]);
  });

  it("names each fault", () => {
    const agenda = [{ title: "", minutes: 10, documents: [] }];
    const faults = faultsOf(usual({ startsAtLocal: "soon", zone: "Mars", durationMinutes: 4, opensMinutesBefore: 1.5, agenda }), true);
    expect([...faults]).toEqual(["startsAtLocal", "zone", "durationMinutes", "opensMinutesBefore", "agenda"]);
  });

  it("is sent without what is empty", () => {
    const sent = asSent(usual({ rule: null, hall: " ", chair: { account: null, name: "" }, doors: { sites: 15, hall: null }, audience: { codes: [] } }));
    expect(sent).toMatchObject({ audience: {}, doors: { sites: 15 } });
    expect(Object.keys(sent)).not.toContain("rule");
    expect(Object.keys(sent)).not.toContain("hall");
    expect(Object.keys(sent)).not.toContain("chair");
  });

  it("begins on the first day of its series, as the server wants it", () => {
    const sent = asSent(usual({ rule: "FREQ=WEEKLY;BYDAY=WE;COUNT=3" }));
    expect(sent.startsAtLocal).toBe("2026-12-02T08:00:00");
  });

  it("keeps a rule that the form has no words for", () => {
    expect(asSent(usual({ rule: "FREQ=YEARLY;COUNT=3" })).rule).toBe("FREQ=YEARLY;COUNT=3");
  });
});

describe("a change of a booking", () => {
  const booking: Booking = { ...usual({ audience: { all: true } }), id: "B1", version: 3, state: "published", exceptions: [], invited: 3_356 };

  it("is told to those who are invited where it is in the invitation", () => {
    const before = detailsOf(booking);
    expect(toldOtherwise(before, { ...before, startsAtLocal: "2026-11-30T09:00:00", hall: "VN" })).toEqual(["startsAtLocal", "hall"]);
    expect(toldOtherwise(before, { ...before, operators: ["a"], audience: { parents: ["01"] } })).toEqual([]);
  });

  it("is none where the same is said in another order", () => {
    const before = detailsOf(booking);
    expect(isSame({ ...before, audience: { all: true, levels: ["commune"] } }, { ...before, audience: { levels: ["commune"], all: true }, hall: "" })).toBe(true);
    expect(isSame(before, { ...before, title: "Giao ban khác" })).toBe(false);
  });
});

describe("a booking that somebody else has changed meanwhile", () => {
  const before = usual({ audience: { all: true }, doors: { sites: 15 }, hall: "VN" });

  it("is theirs, but for what was changed here", () => {
    const theirs = { ...before, title: "Giao ban tháng", durationMinutes: 120, audience: { parents: ["01"] } };
    const mine = { ...before, durationMinutes: 45, doors: { sites: 10 }, hall: null };
    expect(putUpon(theirs, before, mine)).toEqual({ ...theirs, durationMinutes: 45, doors: { sites: 10 }, hall: null });
  });

  it("is theirs whole where nothing was changed but the order of words", () => {
    const theirs = { ...before, audience: { parents: ["01"] }, hall: null };
    expect(putUpon(theirs, before, { ...before, hall: " VN", audience: { all: true, codes: [] } })).toEqual(theirs);
  });
});

describe("an agenda", () => {
  it("says when each item is due", () => {
    const item = (minutes: number) => ({ title: "x", minutes, documents: [] });
    expect(timed([item(20), item(45), item(5)], 480).map(({ from }) => from)).toEqual([480, 500, 545]);
  });
});
