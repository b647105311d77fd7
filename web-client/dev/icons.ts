// Icons as plain drawings.

import { readFileSync } from "node:fs";
import type { Plugin } from "vite";

const ICON = /\/@lucide\/svelte\/dist\/icons\/[\w-]+\.svelte$/u;
/** What an icon of the package is made of: names of elements with their attributes. */
const PARTS = /"node": (\[\[.*?\]\])[ ,]/u;
const FRAME = 'width="24" height="24" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"';

type Part = readonly [name: string, attributes: Readonly<Record<string, string>>];

/** The icon as a component of nothing but its drawing. */
export function drawn(source: string): string {
  const found = PARTS.exec(source)?.[1];
  if (found === undefined) throw new Error(`this icon is not made of parts:\n${source}`);
  const parts = (JSON.parse(found) as readonly Part[]).map(
    ([name, attributes]) => `<${name} ${Object.entries(attributes).map(([key, value]) => `${key}="${value}"`).join(" ")} />`,
  );
  return `<svelte:options runes={true} />\n<svg ${FRAME}>${parts.join("")}</svg>\n`;
}

/**
 * Takes the drawings of the package's icons, and not how it draws them: from settings that we never change, attribute by
 * attribute, which took a slow phone a fifth of the time in which its first page is made.
 */
export function plainIcons(): Plugin {
  return {
    name: "plain-icons",
    enforce: "pre",
    load(id) {
      return ICON.test(id) ? drawn(readFileSync(id, "utf8")) : null;
    },
  };
}
