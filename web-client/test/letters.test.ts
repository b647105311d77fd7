import { describe, expect, it } from "vitest";
import { inserted, isSame, letterNamed, spanOfLine } from "../src/office/letters.ts";

describe("the text of a letter", () => {
  it("has its lines where a refusal counts them, and ends where it ends", () => {
    const text = "Kính gửi\n\n{{ sai }}";
    const line = (number: number): string => {
      const { start, end } = spanOfLine(text, number);
      return text.slice(start, end);
    };
    expect([1, 2, 3, 4, 9].map(line)).toEqual(["Kính gửi", "", "{{ sai }}", "{{ sai }}", "{{ sai }}"]);
    expect(spanOfLine("", 1)).toEqual({ start: 0, end: 0 });
  });

  it("is given a placeholder where somebody writes, in the place of what is selected", () => {
    expect(inserted("Kính gửi: ", { start: 10, end: 10 }, "site")).toEqual({ text: "Kính gửi: {{ site }}", at: 20 });
    expect(inserted("a XX b", { start: 2, end: 4 }, "day")).toEqual({ text: "a {{ day }} b", at: 11 });
  });

  it("is the same however its lines end", () => {
    expect(isSame({ subject: "a ", body: "b\r\nc" }, { subject: "a", body: "b\nc" })).toBe(true);
    expect(isSame({ subject: "a", body: "b" }, { subject: "a", body: "b " })).toBe(false);
  });

  it("is named by the address, and the first where that names none", () => {
    expect(letterNamed(new URLSearchParams("kind=change&language=en"))).toEqual({ kind: "change", language: "en" });
    expect(letterNamed(new URLSearchParams("kind=x"))).toEqual({ kind: "invitation", language: "vi" });
  });
});
