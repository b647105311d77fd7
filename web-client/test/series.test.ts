import { describe, expect, it } from "vitest";
import { readLocales } from "../dev/locales.ts";
import { dayName, seriesSentence, type SeriesException, type Words } from "../src/office/calendar/sentence.ts";
import { daysOf, inUnit, readRule, type Series, usualSeries, writeRule } from "../src/office/calendar/series.ts";
import { Sentences } from "../src/ui/sentences.ts";

const HANOI = "Asia/Ho_Chi_Minh";
const MONDAY = "2026-11-30";
const read = (rule: string): Series | null => readRule(rule, MONDAY, HANOI);

describe("a rule of a series", () => {
  it.each([
    "FREQ=DAILY;COUNT=5",
    "FREQ=WEEKLY;BYDAY=MO;UNTIL=20261231",
    "FREQ=WEEKLY;BYDAY=MO,TH;INTERVAL=2;COUNT=10",
    "FREQ=MONTHLY;BYMONTHDAY=31;COUNT=3",
    "FREQ=MONTHLY;BYDAY=1MO;UNTIL=20261231",
    "FREQ=MONTHLY;BYDAY=-1FR;INTERVAL=3;COUNT=4",
  ])("is read and written again as it was: %s", (rule) => {
    const series = read(rule);
    expect(series === null ? null : writeRule(series)).toBe(rule);
  });

  it("that says no day means that of the beginning", () => {
    expect(read("FREQ=WEEKLY;COUNT=2")?.repeat).toEqual({ unit: "week", weekdays: [0] });
    expect(read("FREQ=MONTHLY;INTERVAL=2;COUNT=2")?.repeat).toEqual({ unit: "month", day: 30 });
  });

  it("ends on the last day here, whatever day that is in UTC", () => {
    expect(read("FREQ=DAILY;UNTIL=20261231T170000Z")?.end).toEqual({ is: "until", day: "2027-01-01" });
    expect(read("FREQ=DAILY;UNTIL=20261231")?.end).toEqual({ is: "until", day: "2026-12-31" });
  });

  it.each(["FREQ=YEARLY;COUNT=3", "FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=1;COUNT=3", "FREQ=WEEKLY;BYDAY=XX;COUNT=3", "FREQ=DAILY;COUNT=0", "FREQ=DAILY;INTERVAL=0;COUNT=1", "FREQ=DAILY", ""])(
    "for which the form has no words is left as it is: %s",
    (rule) => expect(read(rule)).toBeNull(),
  );
});

describe("the days of a series", () => {
  const days = (rule: string, start: string, most: number): readonly string[] =>
    daysOf(readRule(/COUNT|UNTIL/u.test(rule) ? rule : `${rule};COUNT=99`, start, HANOI) ?? usualSeries(start), start, most);

  it("are those that people mean", () => {
    expect(days("FREQ=WEEKLY;BYDAY=MO,TH", "2026-12-01", 3)).toEqual(["2026-12-03", "2026-12-07", "2026-12-10"]);
    expect(days("FREQ=WEEKLY;BYDAY=MO;INTERVAL=2", MONDAY, 3)).toEqual(["2026-11-30", "2026-12-14", "2026-12-28"]);
    expect(days("FREQ=MONTHLY;BYDAY=1MO", MONDAY, 2)).toEqual(["2026-12-07", "2027-01-04"]);
    expect(days("FREQ=MONTHLY;BYDAY=-1FR", MONDAY, 2)).toEqual(["2026-12-25", "2027-01-29"]);
  });

  it("leave out months that have no 31st", () => {
    expect(days("FREQ=MONTHLY;BYMONTHDAY=31", "2027-01-31", 3)).toEqual(["2027-01-31", "2027-03-31", "2027-05-31"]);
  });

  it("end with their number or their day", () => {
    expect(days("FREQ=DAILY;COUNT=2", MONDAY, 9)).toEqual(["2026-11-30", "2026-12-01"]);
    expect(days("FREQ=DAILY;UNTIL=20261201", MONDAY, 9)).toEqual(["2026-11-30", "2026-12-01"]);
  });

  it("of a rhythm that never comes are none, and end", () => {
    expect(days("FREQ=MONTHLY;BYMONTHDAY=31;INTERVAL=12", "2027-02-01", 3)).toEqual([]);
  });
});

describe("another unit", () => {
  it("is as near to the day of the beginning as can be", () => {
    expect(inUnit(usualSeries(MONDAY), "monthByWeekday", MONDAY).repeat).toEqual({ unit: "monthByWeekday", nth: -1, weekday: 0 });
    expect(inUnit(usualSeries(MONDAY), "month", MONDAY).repeat).toEqual({ unit: "month", day: 30 });
  });
});

describe("the sentence of a series", () => {
  const words = (language: string): Words => {
    const sentences = new Sentences(language, readLocales().get(language) ?? {});
    return { language, t: (key, values) => sentences.say(key, values) ?? key };
  };
  const exceptions: readonly SeriesException[] = [
    { day: "2026-12-07", movedTo: null },
    { day: "2026-12-14", movedTo: { day: "2026-12-15", minute: 840 } },
  ];
  const say = (rule: string, language: string, but: readonly SeriesException[] = []): string => seriesSentence(read(rule) ?? usualSeries(MONDAY), 480, but, words(language));

  it("says in both languages what the rule says", () => {
    expect(say("FREQ=WEEKLY;BYDAY=MO,TH;UNTIL=20261231T165959Z", "en", exceptions)).toBe(
      "Every week on Monday and Thursday, at 08:00, until 31 Dec 2026, except on 7 Dec 2026, the one of 14 Dec 2026 moved to 14:00 15 Dec 2026.",
    );
    expect(say("FREQ=WEEKLY;BYDAY=MO;INTERVAL=2;COUNT=10", "vi")).toBe("Cứ 2 tuần một lần vào Thứ Hai, lúc 08:00, 10 lần.");
    expect(say("FREQ=MONTHLY;BYDAY=-1FR;COUNT=3", "vi")).toBe("Thứ Sáu cuối cùng hằng tháng, lúc 08:00, 3 lần.");
    expect(say("FREQ=MONTHLY;BYDAY=1MO;COUNT=3", "en")).toBe("On the first Monday of every month, at 08:00, 3 times.");
    expect(say("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;COUNT=3", "en")).toBe("Every working day, at 08:00, 3 times.");
  });
});

describe("the name of a day", () => {
  it.each([
    ["vi", "short", "30/11/2026"],
    ["vi", "medium", "30/11/2026"],
    ["en", "short", "30/11/2026"],
    ["en", "medium", "30 Nov 2026"],
    ["vi", "full", "Thứ Hai, 30 tháng 11 năm 2026"],
    ["en", "full", "Monday, 30 November 2026"],
  ] as const)("is written as %s writes it, %s, with the whole year", (language, style, written) => {
    expect(dayName(MONDAY, language, style)).toBe(written);
  });
});
