import { describe, expect, it } from "vitest";
import { attentionOf, type Known } from "../src/office/calendar/attention.ts";
import type { Occurrence } from "../src/office/calendar/contract.ts";
import { inMonth, isDay, lengthOf, mondayOf, plusMonths, weekdayOf } from "../src/office/calendar/day.ts";
import { deedOf } from "../src/office/calendar/keys.ts";
import { byDay, rangeOf, weeksOf, withDay } from "../src/office/calendar/month.ts";
import { hoursOf, placed } from "../src/office/calendar/week.ts";
import { strengthOf, yearOf } from "../src/office/calendar/year.ts";
import { hourOf, localAt, momentOf, readLocal, writeLocal, zoneCalled } from "../src/office/calendar/zone.ts";

const HANOI = "Asia/Ho_Chi_Minh";

function occurrence(part: Partial<Occurrence>): Occurrence {
  return {
    booking: "B1",
    occurrence: "2026-11-30",
    title: "Giao ban",
    kind: "briefing",
    startsAt: "2026-11-30T01:00:00Z",
    durationMinutes: 90,
    zone: HANOI,
    state: "published",
    invited: 3_356,
    ...part,
  };
}

describe("days", () => {
  it("are only those that there are", () => {
    expect(isDay("2028-02-29")).toBe(true);
    expect(isDay("2026-02-29")).toBe(false);
    expect(isDay("29/02/2028")).toBe(false);
  });

  it("begin their weeks on Monday", () => {
    expect(weekdayOf("2026-11-30")).toBe(0);
    expect(mondayOf("2026-12-06")).toBe("2026-11-30");
  });

  it("of a longer month end on the last of a shorter one", () => {
    expect(inMonth("2026-01-31", "2026-02")).toBe("2026-02-28");
    expect(plusMonths("2026-11", 3)).toBe("2027-02");
    expect(lengthOf("2028-02")).toBe(29);
  });
});

describe("a clock on the wall", () => {
  it("is in the zone that people know, however old the browser's name of it is", () => {
    expect(zoneCalled("Asia/Saigon")).toBe(HANOI);
    expect(zoneCalled("Asia/Tokyo")).toBe("Asia/Tokyo");
  });

  it("shows a moment in its zone, and the moment is found again", () => {
    const moment = Date.parse("2026-11-29T17:30:00Z");
    expect(localAt(moment, HANOI)).toEqual({ day: "2026-11-30", minute: 30 });
    expect(momentOf({ day: "2026-11-30", minute: 30 }, HANOI)).toBe(moment);
  });

  it("is right on both sides of the night on which it is put forward", () => {
    expect(momentOf({ day: "2026-03-28", minute: 480 }, "Europe/Paris")).toBe(Date.parse("2026-03-28T07:00:00Z"));
    expect(momentOf({ day: "2026-03-29", minute: 480 }, "Europe/Paris")).toBe(Date.parse("2026-03-29T06:00:00Z"));
  });

  it("is read and written as the server writes it", () => {
    expect(readLocal("2026-11-30T08:05:00")).toEqual({ day: "2026-11-30", minute: 485 });
    expect(readLocal("2026-11-30")).toBeNull();
    expect(writeLocal({ day: "2026-11-30", minute: 485 })).toBe("2026-11-30T08:05:00");
    expect(hourOf(5)).toBe("00:05");
  });
});

describe("a month", () => {
  it("is shown in whole weeks", () => {
    const weeks = weeksOf("2026-11");
    expect(weeks.map(([monday]) => monday)).toEqual(["2026-10-26", "2026-11-02", "2026-11-09", "2026-11-16", "2026-11-23", "2026-11-30"]);
    expect(rangeOf("2026-11")).toEqual({ from: "2026-10-26", to: "2026-12-06" });
    expect(weeksOf("2027-02")).toHaveLength(4);
  });

  it("has one day as it is by now, and the others as they were", () => {
    const all = [occurrence({ startsAt: "2026-11-29T01:00:00Z", booking: "gone" }), occurrence({ startsAt: "2026-11-30T01:00:00Z", booking: "later" })];
    const now = [occurrence({ startsAt: "2026-11-28T16:00:00Z", booking: "the day before" }), occurrence({ startsAt: "2026-11-29T02:00:00Z", booking: "new" })];
    expect(withDay(all, "2026-11-29", now, HANOI).map(({ booking }) => booking)).toEqual(["later", "new"]);
    expect(withDay(all, "2026-11-29", null, HANOI)).toBe(all);
  });

  it("has what begins late in the evening in UTC on the next day here, in its order", () => {
    const days = byDay([occurrence({ startsAt: "2026-11-30T06:00:00Z", booking: "B2" }), occurrence({ startsAt: "2026-11-29T18:00:00Z" })], HANOI);
    expect(days.get("2026-11-30")?.map(({ booking }) => booking)).toEqual(["B1", "B2"]);
  });
});

describe("the hours of a day", () => {
  const at = (hour: number, minutes: number) => occurrence({ startsAt: new Date(Date.parse("2026-11-29T17:00:00Z") + hour * 3_600_000).toISOString(), durationMinutes: minutes });

  it("have what goes on at one time beside each other, and what comes after at full width again", () => {
    const lanes = placed([at(8, 120), at(9, 30), at(9.5, 60), at(14, 60)], HANOI).map(({ lane, lanes: all }) => [lane, all]);
    expect(lanes).toEqual([[0, 2], [1, 2], [1, 2], [0, 1]]);
  });

  it("end at midnight for what goes on", () => {
    const [night] = placed([at(23, 180)], HANOI);
    expect([night?.from, night?.to]).toEqual([23 * 60, 24 * 60]);
    expect(hoursOf(placed([at(23, 180)], HANOI))).toEqual({ from: 7, to: 24 });
    expect(hoursOf([])).toEqual({ from: 7, to: 18 });
  });
});

describe("a key of the schedule", () => {
  const looking = { view: "month", day: "2026-11-30" } as const;
  const today = "2026-11-26";

  it("goes to another day, week and month, and back to today", () => {
    const day = (key: string) => {
      const deed = deedOf(key, looking, today);
      return deed?.is === "look" ? deed.at.day : null;
    };
    expect(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "PageUp", "PageDown", "t"].map(day)).toEqual([
      "2026-11-29", "2026-12-01", "2026-11-23", "2026-12-07", "2026-10-30", "2026-12-30", "2026-11-26",
    ]);
  });

  it("begins something new, or shows the same day otherwise", () => {
    expect(deedOf("n", looking, today)).toEqual({ is: "new" });
    expect(deedOf("w", looking, today)).toEqual({ is: "look", at: { view: "week", day: "2026-11-30" } });
    expect(deedOf("ArrowDown", { ...looking, view: "list" }, today)).toBeNull();
    expect(deedOf("x", looking, today)).toBeNull();
  });
});

describe("a year", () => {
  it("has how much there is on each day of each month", () => {
    const months = yearOf(2026, new Map([["2026-11-30", 2]]));
    expect(months).toHaveLength(12);
    expect(months[10]).toMatchObject({ month: "2026-11", before: 6, count: 2 });
    expect(months[10]?.days.at(-1)).toEqual({ day: "2026-11-30", count: 2 });
    expect([0, 1, 3, 9].map(strengthOf)).toEqual([0, 1, 2, 3]);
  });
});

describe("what needs attention", () => {
  const now = Date.parse("2026-11-29T01:00:00Z");
  const unwell = { invitations: { unanswered: 9, refused: 2, toTellAgain: 0, unsent: 0 }, conflicts: 1 };

  it("is the nearest first, of one day the worst, and of a series each concern once", () => {
    const all = [
      occurrence({ booking: "later", startsAt: "2026-12-05T01:00:00Z", state: "draft" }),
      occurrence({ booking: "series", startsAt: "2026-12-07T01:00:00Z", occurrence: "2026-12-07" }),
      occurrence({ booking: "series" }),
    ];
    const found = attentionOf(all, new Map([["series", unwell]]), now).map(({ concern, occurrence: of, count }) => [concern, of.occurrence, count]);
    expect(found).toEqual([["conflict", "2026-11-30", 1], ["refused", "2026-11-30", 2], ["unanswered", "2026-11-30", 9], ["draft", "2026-11-30", 1]]);
  });

  it("is nothing of what is over or cancelled, and no reply that is still far off", () => {
    const all = [occurrence({ startsAt: "2026-11-28T01:00:00Z" }), occurrence({ booking: "C", state: "cancelled" }), occurrence({ booking: "far", startsAt: "2026-12-20T01:00:00Z" })];
    const known = new Map<string, Known>([["B1", unwell], ["C", unwell], ["far", { invitations: { ...unwell.invitations, refused: 0 } }]]);
    expect(attentionOf(all, known, now)).toEqual([]);
  });
});
