import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { faultsOf, flatten, type Messages, readLocales } from "../dev/locales.ts";

const LOCALES = readLocales();
const VIETNAMESE = LOCALES.get("vi") ?? {};
const KEYS = [...flatten(VIETNAMESE).keys()].map((key) => key.replace(/_other$/u, ""));

/** French that is no French: every sentence of the English, longer, with a form for each of the French plurals. */
function longer(messages: Messages): Messages {
  const changed = Object.entries(messages).flatMap(([key, value]): [string, string | Messages][] => {
    if (typeof value !== "string") return [[key, longer(value)]];
    if (key.endsWith("_one")) return [];
    const text = `${value} et caetera`;
    return key.endsWith("_other") ? ["one", "many", "other"].map((form) => [key.replace("other", form), text]) : [[key, text]];
  });
  return Object.fromEntries(changed);
}

describe("the messages", () => {
  it.each([...LOCALES])("are whole in %s", (language, messages) => {
    expect(faultsOf(language, messages, VIETNAMESE)).toEqual([]);
  });

  it("of one more language need no more than a file, with its own plurals", () => {
    const french = longer(LOCALES.get("en") ?? {});
    expect(faultsOf("fr", french, VIETNAMESE)).toEqual([]);
    const forms = Object.entries(french["operator"] as Messages).filter(([key]) => key !== "sites_count_many");
    const operator = { ...Object.fromEntries(forms), search: " ", device: "machine" };
    const faults = faultsOf("fr", { ...french, operator }, VIETNAMESE);
    expect(new Set(faults)).toEqual(new Set([
      'operator.sites_count_many is missing (vi: "{{count, number}} điểm cầu")',
      "operator.search says nothing",
      'operator.device fills in "" instead of "{{device, number}}"',
    ]));
  });

  it("are all used", () => {
    const root = new URL("../src/", import.meta.url);
    const code = readdirSync(root, { recursive: true, encoding: "utf8" })
      .filter((file) => /\.(ts|svelte)$/u.test(file))
      .map((file) => readFileSync(new URL(file, root), "utf8"))
      .join("\n");
    // A key that is put together at run time is used by the part before its first `${`.
    const composed = [...code.matchAll(/t\(`([^`$]+)\$\{/gu)].map(([, start = ""]) => start);
    for (const key of KEYS) {
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
        // A name of letters is not a word on the page.
        .replaceAll("[đĐ]", "");
      expect(accented.test(code), file).toBe(false);
    }
  });
});
