import { describe, expect, it } from "vitest";
import { codeIn, lacking, NO_REPLY, readAsked, written } from "../src/reply/asked.ts";

const BODY = {
  title: "Giao ban",
  kind: "briefing",
  state: "planned",
  startsAt: "2026-11-30T01:00:00Z",
  durationMinutes: 90,
  zone: "Asia/Ho_Chi_Minh",
  opensAt: "2026-11-30T00:00:00Z",
  site: { code: "00004", name: "Phường Ba Đình" },
  hall: { code: "VN", name: "Trung ương" },
  checksIn: [3_600, 7_200, "soon"],
  agenda: [{ title: "Khai mạc", minutes: 10, documents: [{ name: "Chương trình" }] }, { minutes: 3 }],
  reply: { is: "excused", reason: "Bão", at: "2026-11-29T01:00:00Z" },
};

describe("what a site is told behind its link", () => {
  it("is read, and what is missing is nothing", () => {
    expect(readAsked(BODY)).toMatchObject({ site: "Phường Ba Đình", hall: "Trung ương", chair: null, agenda: [{ title: "Khai mạc", speaker: null }], checksIn: [3_600, 7_200], reply: { is: "excused", count: null } });
    expect(readAsked({ ...BODY, startsAt: "soon" })).toBeNull();
    expect(readAsked({ ...BODY, state: "later" })).toBeNull();
    expect(readAsked(null)).toBeNull();
  });

  it("is asked for by the code in the address", () => {
    expect(codeIn("/m/7KQ2MZ4T")).toBe("7KQ2MZ4T");
    expect(codeIn("/m/7KQ2MZ4T/")).toBe("7KQ2MZ4T");
    expect(codeIn("/m/")).toBeNull();
  });
});

describe("a reply", () => {
  it("has what belongs to it, and nothing else", () => {
    expect(written({ ...NO_REPLY, is: "coming", reason: "x", who: "y", count: 12 })).toEqual({ is: "coming", count: 12 });
    expect(written({ ...NO_REPLY, is: "excused", reason: " Bão ", count: 12 })).toEqual({ is: "excused", reason: "Bão" });
    expect(written({ ...NO_REPLY, is: "sends", who: " Bà Hoa " })).toEqual({ is: "sends", who: "Bà Hoa" });
  });

  it("says what it lacks", () => {
    expect(lacking(NO_REPLY)).toBeNull();
    expect(lacking({ ...NO_REPLY, is: "excused" })).toBe("reason");
    expect(lacking({ ...NO_REPLY, is: "sends" })).toBe("who");
    expect(lacking({ ...NO_REPLY, count: 0 })).toBe("count");
  });
});
