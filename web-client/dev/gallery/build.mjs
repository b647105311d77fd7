// The pages built with one more language, for a trial: nobody else gets to see them.

import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";

/** The directory of the built pages, and that which is to be removed with them. */
export async function buildWith(language, messages) {
  const directory = mkdtempSync(join(tmpdir(), "dinh-pages-"));
  writeFileSync(join(directory, `${language}.json`), JSON.stringify(messages));
  // Read by dev/locales.ts.
  process.env.DINH_MORE_LOCALES = directory;
  const dist = join(directory, "dist/");
  const root = fileURLToPath(new URL("../..", import.meta.url));
  for (const mode of ["production", "office", "reply"]) await build({ root, mode, logLevel: "warn", build: { outDir: dist, emptyOutDir: false } });
  return { directory, dist };
}
