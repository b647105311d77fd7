import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { longer } from "../dev/gallery/longer.mjs";
import { faultsOf, flatten, type Messages, partOf, readLocales } from "../dev/locales.ts";
import { Sentences } from "../src/ui/sentences.ts";

const LOCALES = readLocales();
const VIETNAMESE = LOCALES.get("vi") ?? {};
const KEYS = [...flatten(VIETNAMESE).keys()].map((key) => key.replace(/_other$/u, ""));

/** Where each page begins, and the parts of the sentences that are there by then. */
const PAGES = new Map([
  ["main.ts", [null]],
  ["ui/room.ts", [null, "room"]],
  ["ui/operator/OperatorPage.svelte", [null, "room", "desk", "check"]],
  ["ui/linecheck/LineCheckPage.svelte", [null, "check"]],
  ["ui/office/main.ts", [null, "office"]],
  ["ui/office/calendar/SchedulePage.svelte", [null, "office"]],
  ["ui/office/calendar/BookingPage.svelte", [null, "office", "check"]],
  ["ui/office/calendar/Overview.svelte", [null, "office"]],
  ["ui/reply/main.ts", [null, "reply"]],
  ["ui/reply/look.ts", [null, "reply", "check"]],
]);

/** A file and all that are fetched with it. */
function reached(from: string): ReadonlySet<URL> {
  const root = new URL("../src/", import.meta.url);
  const found = new Map<string, URL>();
  const waiting = [new URL(from, root)];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (found.has(file.href)) continue;
    found.set(file.href, file);
    const code = readFileSync(file, "utf8").replaceAll(/import type [^;]*;/gu, "");
    const named = [...code.matchAll(/(?:from|import) "(\.[^"]+\.(?:ts|svelte))"/gu)].map(([, path = ""]) => path);
    for (const path of named) waiting.push(new URL(path, file));
  }
  return new Set(found.values());
}

describe("the sentences of a language", () => {
  const english = new Sentences("en", {
    site: { present_one: "{{count, number}} site", present_other: "{{count, number}} sites" },
    named: "{{name}} for {{time}}, {{n, number}}",
  });

  it("are said in the form that a number asks for, which is written as people write it", () => {
    expect(english.say("site.present", { count: 1 })).toBe("1 site");
    expect(english.say("site.present", { count: 3_356 })).toBe("3,356 sites");
  });

  it("are filled in with what is given as it is", () => {
    const filled = english.say("named", { name: "{{time}} $& $1", time: "0:42", n: "?" });
    expect(filled).toBe("{{time}} $& $1 for 0:42, ?");
  });

  it("are added to without losing what was there, and one that is nowhere is none", () => {
    expect(english.has("site.absent")).toBe(false);
    expect(english.say("site.absent")).toBeNull();
    english.add({ site: { absent: "Nobody" } });
    expect(english.say("site.absent")).toBe("Nobody");
    expect(english.say("site.present", { count: 2 })).toBe("2 sites");
  });
});

describe("the messages", () => {
  it.each([...LOCALES])("are whole in %s", (language, messages) => {
    expect(faultsOf(language, messages, VIETNAMESE)).toEqual([]);
  });

  it("of one more language need no more than a file, with its own plurals", () => {
    const french = longer(LOCALES.get("en") ?? {}, "fr");
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

  it("are there where they are said, although most are fetched later", () => {
    for (const [from, parts] of PAGES) {
      for (const file of reached(from)) {
        const said = [...readFileSync(file, "utf8").matchAll(/\bt\([`"]([a-z_]+)\./gu)].map(([, group = ""]) => group);
        for (const group of said) expect(parts, `${group}.… in ${file.pathname}`).toContain(partOf(group));
      }
    }
  });

  it("are the only place with Vietnamese words", () => {
    const root = new URL("../src/", import.meta.url);
    const accented = /[ăâđêôơưĂÂĐÊÔƠƯ\u1EA0-\u1EF9]/u;
    for (const file of readdirSync(root, { recursive: true, encoding: "utf8" })) {
      // What is made of the interface's description has its examples.
      if (!/\.(ts|svelte)$/u.test(file) || file.endsWith("schema.d.ts")) continue;
      const code = readFileSync(new URL(file, root), "utf8")
        // A name of letters is not a word on the page.
        .replaceAll("[đĐ]", "");
      expect(accented.test(code), file).toBe(false);
    }
  });
});

describe("the sentences of a language", () => {
  it("make what counts when something is counted: first pages wait for nothing that they do not say", () => {
    // Nothing counts in a language that there cannot be.
    const sentences = new Sentences("-", { calm: "All is well", sites_one: "{{count, number}} site", sites_other: "{{count, number}} sites" });
    expect(sentences.say("calm")).toBe("All is well");
    expect(() => sentences.say("sites", { count: 3356 })).toThrow(RangeError);
  });
});
