import { describe, expect, it } from "vitest";
import { inOneLine, readContacts } from "../src/ui/contact.svelte.ts";

describe("whom to call", () => {
  it("is told as far as the server knows", () => {
    const above = { place: "Lâm Đồng", level: "province", name: "Bà Hoa", phone: "0263 382 2001" };
    expect(readContacts({ organiser: "024", above })).toEqual({ organiser: "024", above: { place: "Lâm Đồng", isProvince: true, contact: "Bà Hoa, 0263 382 2001" } });
    expect(readContacts({ organiser: null })).toEqual({ organiser: null, above: null });
    expect(readContacts({ organiser: "", above: { place: "Lâm Đồng", name: null, phone: null } })).toEqual({ organiser: null, above: null });
    expect(readContacts("nonsense")).toEqual({ organiser: null, above: null });
  });

  it("is a name, a number, or both", () => {
    expect([inOneLine("Hoa", "1"), inOneLine(null, "1"), inOneLine("Hoa", undefined), inOneLine("", null)]).toEqual(["Hoa, 1", "1", "Hoa", null]);
  });
});
