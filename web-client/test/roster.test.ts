import { describe, expect, it } from "vitest";
import type { Participant } from "../src/protocol.ts";
import { filterRoster, fold, joinRoster, matcher, readRoster, sortProvinces } from "../src/roster.ts";

const SITES = readRoster({
  version: 2,
  sites: [
    { code: "VN", name: "Trung ương", level: "central", province: null },
    { code: "01", name: "Thành phố Hà Nội", level: "province", province: "01" },
    { code: "00004", name: "Phường Ba Đình", level: "commune", province: "01" },
    { code: "68", name: "Lâm Đồng", level: "province", province: "68" },
    { code: "24778", name: "Xã Đơn Dương", level: "commune", province: "68" },
  ],
});

function here(part: Partial<Participant>): [string, Participant] {
  const participant: Participant = {
    participant: "P1",
    role: "site",
    site: "00004",
    province: "01",
    name: "Phường Ba Đình",
    state: "present",
    device: 1,
    muted: false,
    media: "connected",
    sources: [],
    floor: "none",
    ...part,
  };
  return [participant.participant, participant];
}

describe("searching", () => {
  it.each([
    ["Đơn Dương", "don duong"],
    ["Phường Ngọc Hà", "phuong ngoc ha"],
    ["Ưởng", "uong"],
  ])("folds %s to %s", (text, folded) => {
    expect(fold(text)).toBe(folded);
    expect(fold(text.normalize("NFD"))).toBe(folded);
  });

  it.each(["đơn dương", "don duong", "DUONG don", "24778", "Đon", ""])("finds the commune by %j", (query) => {
    expect(matcher(query)("xa don duong 24778")).toBe(true);
  });

  it("wants every word", () => {
    expect(matcher("don ha")("xa don duong 24778")).toBe(false);
  });
});

describe("the roster", () => {
  it("shows every expected site, here or not", () => {
    const rows = joinRoster(SITES, new Map([here({})]));
    expect(rows.map(({ code, standing }) => [code, standing])).toEqual([
      ["VN", "absent"],
      ["01", "absent"],
      ["00004", "present"],
      ["68", "absent"],
      ["24778", "absent"],
    ]);
  });

  it("counts a province's own site to the province and the centre to none", () => {
    expect(joinRoster(SITES, new Map()).map(({ province }) => province)).toEqual([null, "01", "01", "68", "68"]);
  });

  it("takes the best of a site's devices", () => {
    const devices = new Map([here({ state: "lost" }), here({ participant: "P2", state: "present" })]);
    const row = joinRoster(SITES, devices).find(({ code }) => code === "00004");
    expect(row?.standing).toBe("present");
    expect(row?.participants.map(({ participant }) => participant)).toEqual(["P2", "P1"]);
  });

  it("lists those without an expected site at the end", () => {
    const operator = here({ participant: "P9", role: "operator", site: null, province: null, name: "Điều hành" });
    expect(joinRoster(SITES, new Map([operator])).at(-1)).toMatchObject({ name: "Điều hành", standing: "present" });
  });

  it("answers who is missing in a province", () => {
    const rows = joinRoster(SITES, new Map([here({ site: "68", province: "68" })]));
    const missing = filterRoster(rows, { query: "", standing: "absent", province: "68" });
    expect(missing.map(({ name }) => name)).toEqual(["Xã Đơn Dương"]);
  });
});

describe("the list of sites", () => {
  it("leaves out what has no code or name", () => {
    expect(readRoster({ sites: [{ code: "1" }, null, 7, { code: "2", name: "B", later: true }] })).toHaveLength(1);
    expect(readRoster([])).toEqual([]);
  });
});

describe("provinces", () => {
  const counts = [
    { code: "79", name: "Hồ Chí Minh", expected: 168, present: 168, lost: 0 },
    { code: "04", name: "Cao Bằng", expected: 57, present: 40, lost: 3 },
    { code: "24", name: "Bắc Ninh", expected: 100, present: 95, lost: 5 },
  ];
  const order = (by: Parameters<typeof sortProvinces>[1]) => sortProvinces(counts, by).map(({ code }) => code);

  it("stand by name, or with the worst first", () => {
    expect(order("name")).toEqual(["24", "04", "79"]);
    expect(order("lost")).toEqual(["24", "04", "79"]);
    expect(order("missing")).toEqual(["04", "24", "79"]);
    expect(order("present")).toEqual(["79", "24", "04"]);
  });
});
