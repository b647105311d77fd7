import { describe, expect, it } from "vitest";
import type { Site } from "../src/office/model.ts";
import { changesOf, groupsIn, textOf, wrongIn } from "../src/office/siteform.ts";
import { EMPTY, grown, rowsOf, stepFor, turned } from "../src/office/tree.ts";

const site = (code: string, part: Partial<Site> = {}): Site => ({ code, name: `Site ${code}`, level: "commune", parentCode: "01", ...part });

describe("a site in a form", () => {
  const known = site("00004", { contactPhone: "024", seats: 40, groups: ["a", "b"] });

  it("asks for nothing where nothing is another thing", () => {
    expect(changesOf(known, { ...textOf(known), name: " Site 00004 " })).toEqual({});
  });

  it("asks for what is another thing alone, and for nothing where something was emptied", () => {
    const text = { ...textOf(known), contactPhone: " ", seats: "50", groups: "b; c, b" };
    expect(changesOf(known, text)).toEqual({ contactPhone: null, seats: 50, groups: ["b", "c"] });
    expect(groupsIn(" ; ,")).toEqual([]);
  });

  it("says what cannot be so", () => {
    expect(wrongIn({ ...textOf(known), name: " ", seats: "4o", contactEmail: "x" })).toEqual({ name: "required", seats: "number", contactEmail: "email" });
    expect(wrongIn(textOf(known))).toEqual({});
  });
});

describe("the tree of sites", () => {
  const centre = site("VN", { level: "central", parentCode: null });
  const provinces = ["01", "02"].map((code) => site(code, { level: "province", parentCode: "VN" }));
  const closed = grown(grown(EMPTY, null, [centre], null), "VN", provinces, null);
  const tree = turned(closed, "VN", true);
  const shown = (of: typeof tree) => rowsOf(of).map((row) => ("site" in row ? `${row.level} ${row.site.code} ${row.isOpen}` : `${row.level} more`));

  it("shows what is open, and where there is more of it", () => {
    expect(shown(closed)).toEqual(["1 VN false"]);
    expect(shown(tree)).toEqual(["1 VN true", "2 01 false", "2 02 false"]);
    const communes = grown(turned(tree, "01", true), "01", [site("00004")], "00004");
    expect(shown(communes)).toEqual(["1 VN true", "2 01 true", "3 00004 null", "3 more", "2 02 false"]);
    expect(shown(grown(communes, "01", [site("00008")], null))).toContain("3 00008 null");
  });

  it("is walked by the keys of a tree", () => {
    const rows = rowsOf(tree);
    expect(stepFor("ArrowRight", rows, 1)).toEqual({ turn: "01", isOpen: true });
    expect(stepFor("ArrowRight", rows, 0)).toEqual({ to: 1 });
    expect(stepFor("ArrowLeft", rows, 2)).toEqual({ to: 0 });
    expect(stepFor("ArrowLeft", rows, 0)).toEqual({ turn: "VN", isOpen: false });
    expect(stepFor("End", rows, 0)).toEqual({ to: 2 });
    expect(stepFor("a", rows, 0)).toBeNull();
  });
});
