import { describe, expect, it } from "vitest";
import { inOneLine, partsOf, readContacts } from "../src/ui/contact.svelte.ts";

describe("whom to call", () => {
  it("is told as far as the server knows", () => {
    const above = { place: "Lâm Đồng", level: "province", name: "Bà Hoa", phone: "0263 382 2001" };
    expect(readContacts({ organiser: "024", above })).toEqual({ organiser: "024", above: { place: "Lâm Đồng", isProvince: true, contact: "Bà Hoa, 0263 382 2001" } });
    expect(readContacts({ organiser: null })).toEqual({ organiser: null, above: null });
    expect(readContacts({ organiser: "", above: { place: "Lâm Đồng", name: null, phone: null } })).toEqual({ organiser: null, above: null });
    expect(readContacts("nonsense")).toEqual({ organiser: null, above: null });
  });

  it("is written with each number in one piece, whatever stands between its digits", () => {
    const numbersIn = (line: string): string[] => partsOf(line).filter(({ isNumber }) => isNumber).map(({ text }) => text);
    expect(numbersIn("Tỉnh Lâm Đồng: Bà Hoa, phòng 12, 0263 382 2001")).toEqual(["0263 382 2001"]);
    expect(numbersIn("024.3804.8888 hoặc +84 (24) 3804-8889")).toEqual(["024.3804.8888", "+84 (24) 3804-8889"]);
    expect(numbersIn("Ban tổ chức, tầng 3")).toEqual([]);
    const line = "Bà Hoa, 0263 382 2001 (giờ hành chính)";
    expect(partsOf(line).map(({ text }) => text).join("")).toBe(line);
  });

  it("is a name, a number, or both", () => {
    expect([inOneLine("Hoa", "1"), inOneLine(null, "1"), inOneLine("Hoa", undefined), inOneLine("", null)]).toEqual(["Hoa, 1", "1", "Hoa", null]);
  });
});
