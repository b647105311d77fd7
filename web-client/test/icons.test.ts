import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { drawn } from "../dev/icons.ts";

const SOURCES = new URL("../src/", import.meta.url);
const PACKAGE = new URL("../node_modules/@lucide/svelte/dist/icons/", import.meta.url);

/** The components of our pages, with the icons that each fetches. */
const pages = readdirSync(SOURCES, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".svelte"))
  .map((file) => {
    const source = readFileSync(new URL(file, SOURCES), "utf8");
    const icons = [...source.matchAll(/import (\w+) from "@lucide\/svelte\/icons\/([\w-]+)"/gu)].map(([, called = "", name = ""]) => ({ called, name }));
    return { file, source, icons };
  })
  .filter(({ icons }) => icons.length > 0);

describe("the icons", () => {
  it("are asked for nothing that a plain drawing does not have", () => {
    const asked = pages.flatMap(({ file, source, icons }) =>
      icons.flatMap(({ called }) => [...source.matchAll(new RegExp(`<${called}\\b([^>]*)/>`, "gu"))].map(([, attributes = ""]) => `${file}: ${attributes.replace('aria-hidden="true"', "").trim()}`)),
    );
    expect(asked.length).toBeGreaterThan(50);
    expect(asked.filter((one) => !one.endsWith(": "))).toEqual([]);
  });

  it("are drawn with every part that the package's have", () => {
    for (const name of new Set(pages.flatMap(({ icons }) => icons.map((icon) => icon.name)))) {
      // Some have several names.
      const [, file = ""] = /from "\.\/([\w-]+\.svelte)"/u.exec(readFileSync(new URL(`${name}.js`, PACKAGE), "utf8")) ?? [];
      const source = readFileSync(new URL(file, PACKAGE), "utf8");
      const parts = [...source.matchAll(/\["\w+", \{/gu)].length;
      expect([...drawn(source).matchAll(/<(?:path|circle|rect|line|polyline|polygon|ellipse) /gu)].length, name).toBe(parts);
    }
  });
});
