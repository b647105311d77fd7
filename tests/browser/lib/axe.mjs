// What axe finds wrong with a page as it is.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const SOURCE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Each thing that keeps somebody out: what, how grave, and where. */
export async function judged(page) {
  await page.evaluate(SOURCE);
  return page.evaluate(async () => {
    const { violations } = await globalThis.axe.run({ rules: { "target-size": { enabled: true } }, resultTypes: ["violations"] });
    return violations.map(({ id, impact, nodes }) => `${id} (${impact}) ${nodes.map(({ target }) => target.join(" ")).join(" | ")}`);
  });
}
