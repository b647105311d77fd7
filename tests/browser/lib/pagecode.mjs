// Parts of the pages that need no browser, to be run here: what simulates pages shares their code.

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const PAGES = new URL("../../../web-client/", import.meta.url);

/** A module of the pages, by its path below `src`. */
export async function pageCode(path) {
  // They are built by Vite, which is installed with them and not here.
  const vite = createRequire(new URL("package.json", PAGES)).resolve("vite");
  const { runnerImport } = await import(pathToFileURL(vite));
  const { module } = await runnerImport(new URL(`src/${path}`, PAGES).pathname, { configFile: false, root: new URL(".", PAGES).pathname, logLevel: "warn" });
  return module;
}
