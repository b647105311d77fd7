import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { shadeOf, sumOf } from "../src/office/calendar/readiness.ts";
import { tilesOf } from "../src/office/calendar/tiles.ts";

describe("the readiness of the invited", () => {
  it("shades a province by what is worst in it", () => {
    expect(shadeOf({ green: 100, amber: 0, red: 11, unknown: 0 })).toBe("amber");
    expect(shadeOf({ green: 80, amber: 0, red: 11, unknown: 0 })).toBe("red");
    expect(shadeOf({ green: 2, amber: 0, red: 0, unknown: 98 })).toBe("unknown");
    expect(shadeOf({ green: 98, amber: 0, red: 0, unknown: 2 })).toBe("green");
    expect(sumOf({ green: 98, amber: 1, red: 0, unknown: 2 })).toBe(101);
  });
});

describe("whoever phones a site", () => {
  const read = (path: string): unknown => JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8"));
  const causes = read("../../signaling/src/check/causes.json") as { id: string; step: string; call: string }[];

  it("reads what is amiss there and what to ask for, of each cause that is the site's or its network's", () => {
    const { phone } = read("../src/locales/office/vi.json") as { phone: Record<string, string> };
    // Where the server is not reached it learns of no check; what else is amiss with TLS, too.
    const theirs = causes.filter(({ step, call }) => ["site", "network"].includes(call) && !["name", "tcp", "tls"].includes(step));
    expect(theirs.map(({ id }) => id).filter((id) => !(id in phone))).toEqual([]);
    expect(Object.keys(phone).filter((id) => !causes.some((cause) => cause.id === id))).toEqual([]);
  });
});

describe("the map of tiles", () => {
  const csv = readFileSync(new URL("../../signaling/data/sites-vn-2025.csv", import.meta.url), "utf8");
  const provinces = csv.split("\n").map((line) => line.split(",")).filter(([, , level]) => level === "province").map(([code = ""]) => code);

  it("has a place for each province of the country, and none twice", () => {
    const tiles = tilesOf(provinces);
    expect(tiles.size).toBe(34);
    expect(new Set([...tiles.values()].map(({ column, row }) => `${column} ${row}`)).size).toBe(34);
    expect(tiles.get("96")).toEqual({ column: 1, row: 14 });
  });

  it("puts what is no province of this country one after the other", () => {
    expect(tilesOf(["north", "south"]).get("south")).toEqual({ column: 2, row: 1 });
  });
});
