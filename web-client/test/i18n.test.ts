import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import en from "../src/locales/en.json" with { type: "json" };
import vi from "../src/locales/vi.json" with { type: "json" };

/** Every message by its dotted key. */
function flatten(messages: object, prefix = ""): Map<string, string> {
  const flat = new Map<string, string>();
  for (const [key, value] of Object.entries(messages) as [string, string | object][]) {
    if (typeof value === "string") flat.set(prefix + key, value);
    else for (const [inner, text] of flatten(value, `${prefix}${key}.`)) flat.set(inner, text);
  }
  return flat;
}

const VIETNAMESE = flatten(vi);
const ENGLISH = flatten(en);
const placeholders = (text: string): string[] => [...text.matchAll(/\{\{.*?\}\}/g)].map(([found]) => found).sort();

describe("the messages", () => {
  it("have the same keys in both languages", () => {
    expect([...ENGLISH.keys()]).toEqual([...VIETNAMESE.keys()]);
  });

  it("say something and fill in the same things", () => {
    for (const [key, text] of VIETNAMESE) {
      expect(text, key).not.toBe("");
      expect(placeholders(ENGLISH.get(key) ?? ""), key).toEqual(placeholders(text));
    }
  });

  it("are composed (NFC), so that every font draws the accents", () => {
    for (const text of [...VIETNAMESE.values(), ...ENGLISH.values()]) expect(text).toBe(text.normalize("NFC"));
  });

  it("are all used", () => {
    const root = new URL("../src/", import.meta.url);
    const code = readdirSync(root, { recursive: true, encoding: "utf8" })
      .filter((file) => /\.(ts|svelte)$/u.test(file))
      .map((file) => readFileSync(new URL(file, root), "utf8"))
      .join("\n");
    // A key that is put together at run time is used by the part before its first `${`.
    const composed = [...code.matchAll(/t\(`([^`$]+)\$\{/gu)].map(([, start = ""]) => start);
    for (const key of VIETNAMESE.keys()) {
      const isUsed = code.includes(`"${key}"`) || composed.some((start) => key.startsWith(start));
      expect(isUsed, key).toBe(true);
    }
  });

  it("are the only place with Vietnamese words", () => {
    const root = new URL("../src/", import.meta.url);
    const accented = /[ăâđêôơưĂÂĐÊÔƠƯ\u1EA0-\u1EF9]/u;
    for (const file of readdirSync(root, { recursive: true, encoding: "utf8" })) {
      if (!/\.(ts|svelte)$/u.test(file)) continue;
      const code = readFileSync(new URL(file, root), "utf8")
        // A language is named in itself; a name of letters is not a word on the page.
        .replaceAll("Tiếng Việt", "")
        .replaceAll("[đĐ]", "");
      expect(accented.test(code), file).toBe(false);
    }
  });
});
