import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { LineRecord } from "../src/linecheck/records.ts";
import { latestOf, readinessOf, shadeOf, sumOf } from "../src/office/calendar/readiness.ts";
import { tilesOf } from "../src/office/calendar/tiles.ts";

const AT = "2026-11-30T00:00:00Z";

function record(site: string | null, colour: LineRecord["colour"], at = AT): LineRecord {
  return { reference: "U1-K7QM", at, site, address: "10.0.0.1", cause: "udpBlocked", colour, measured: {} };
}

describe("the readiness of the invited", () => {
  const invited = ["a", "b", "c", "d"].map((site, index) => ({ site, name: site, province: index < 3 ? "68" : "01" }));

  it("counts the last check of each since a moment, and names whom to phone, the worst first", () => {
    const records = [record("a", "red", "2026-11-29T23:00:00Z"), record("a", "green"), record("b", "amber"), record("c", "red"), record("d", "red", "2026-11-28T00:00:00Z"), record(null, "red"), record("z", "red")];
    const found = readinessOf(invited, latestOf(records, Date.parse("2026-11-29T00:00:00Z")));
    expect(found.total).toEqual({ green: 1, amber: 1, red: 1, unknown: 1 });
    expect(found.provinces.get("68")).toEqual({ green: 1, amber: 1, red: 1, unknown: 0 });
    expect(found.toPhone.map(({ site }) => site)).toEqual(["c", "b"]);
    expect(sumOf(found.total)).toBe(4);
  });

  it("shades a province by what is worst in it", () => {
    expect(shadeOf({ green: 100, amber: 0, red: 11, unknown: 0 })).toBe("amber");
    expect(shadeOf({ green: 80, amber: 0, red: 11, unknown: 0 })).toBe("red");
    expect(shadeOf({ green: 2, amber: 0, red: 0, unknown: 98 })).toBe("unknown");
    expect(shadeOf({ green: 98, amber: 0, red: 0, unknown: 2 })).toBe("green");
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
