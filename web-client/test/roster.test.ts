import { describe, expect, it } from "vitest";
import type { Participant } from "../src/protocol.ts";
import { countRows, filterRows, findProvinces, joinRoster, matcher, readRoster, rowsOf, sortProvinces } from "../src/roster.ts";
import { fold } from "../src/province.ts";

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
    const missing = filterRows(rowsOf(rows, { query: "", province: "68" }), "absent");
    expect(missing.map(({ name }) => name)).toEqual(["Xã Đơn Dương"]);
  });
});

/** Three communes of one name in three provinces, as the country has them by the hundred. */
const NAMESAKES = readRoster({
  sites: [
    { code: "68", name: "Lâm Đồng", province: "68" },
    { code: "24787", name: "Phường Xuân Hương - Đà Lạt", province: "68" },
    { code: "91", name: "Cà Mau", province: "91" },
    { code: "32025", name: "Xã Tân Thành", province: "91" },
    { code: "79", name: "Thành phố Hồ Chí Minh", province: "79" },
    { code: "26725", name: "Xã Tân Thành", province: "79" },
    { code: "28921", name: "Xã Tân Thành Bình", province: "91" },
  ],
});

describe("a search", () => {
  const found = (query: string) =>
    rowsOf(joinRoster(NAMESAKES, new Map()), { query, province: undefined }).map(({ code }) => code);

  it.each(["tan thanh ca mau", "Cà Mau, Xã Tân Thành", "tân thành cà mau"])("tells namesakes apart by their province: %j", (query) => {
    expect(found(query)[0]).toBe("32025");
    expect(found(query)).not.toContain("26725");
  });

  it("finds a province's sites by the province", () => {
    expect(found("lam dong")).toEqual(["68", "24787"]);
  });

  it("finds a name that was typed without its spaces", () => {
    expect(found("dalat")).toEqual(["24787"]);
  });

  it("puts the site of that very name before those whose name goes on", () => {
    expect(found("xa tan thanh").at(-1)).toBe("28921");
  });
});

describe("counts", () => {
  const operator = here({ participant: "P9", role: "operator", site: null, province: null, name: "operator" });
  const commune = here({ site: "24778", province: "68", name: "Xã Đơn Dương", media: "none", floor: "waiting" });
  const rows = joinRoster(SITES, new Map([operator, commune]));

  it.each([undefined, "68", null] as const)("are those of the list in front of which they stand: %j", (province) => {
    const place = rowsOf(rows, { query: "", province });
    const counts = countRows(place);
    for (const filter of ["all", "present", "lost", "absent", "suffering", "silent", "asking"] as const) {
      expect(filterRows(place, filter), filter).toHaveLength(counts[filter]);
    }
  });

  it("of the country hold who is expected; who runs the conference stands at the centre", () => {
    expect(countRows(rowsOf(rows, { query: "", province: undefined }))).toMatchObject({ all: 5, present: 1, absent: 4 });
    expect(countRows(rowsOf(rows, { query: "", province: null }))).toMatchObject({ all: 2, present: 1, absent: 1 });
  });

  it("know who is here without picture and sound", () => {
    expect(filterRows(rowsOf(rows, { query: "", province: undefined }), "suffering").map(({ code }) => code)).toEqual(["24778"]);
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
    { code: "48", name: "Thành phố Đà Nẵng", expected: 94, present: 94, lost: 0 },
  ];
  const order = (by: Parameters<typeof sortProvinces>[1]) => sortProvinces(counts, by).map(({ code }) => code);

  it("stand by name, or with the worst first", () => {
    expect(order("name")).toEqual(["24", "04", "48", "79"]);
    expect(order("lost")).toEqual(["24", "04", "48", "79"]);
    expect(order("missing")).toEqual(["04", "24", "48", "79"]);
    expect(order("present")).toEqual(["48", "79", "24", "04"]);
  });

  it.each([
    ["lam dong", []],
    ["cao bang", ["04"]],
    ["tỉnh bắc ninh", ["24"]],
    ["bacninh", ["24"]],
    ["da nang", ["48"]],
    ["thanh pho da nang", ["48"]],
    ["thanh", []],
    ["tan thanh cao bang", []],
  ])("are found by %j", (query, codes) => {
    expect(findProvinces(counts, query).map(({ code }) => code)).toEqual(codes);
  });
});
