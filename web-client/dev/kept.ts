// What the service worker is told to keep: the check's page, and the files without which it shows nothing.

import { createHash } from "node:crypto";
import type { Plugin, Rollup } from "vite";

const WORKER = "src/kept/worker.ts";
/** The name under which pages register it. */
const NAME = "check-worker.js";
/** What stands in the worker for all of it. */
const PLACE = /(["'`])__KEPT__\1/u;
/** The page's own code: it is fetched when somebody looks at the line. */
const CHECK_PAGE = "/LineCheckPage.svelte";

/** Chunks and what they need, without what they may need later. */
function needed(bundle: Rollup.OutputBundle, begin: readonly string[]): Set<string> {
  const found = new Set<string>();
  const left = [...begin];
  for (let file = left.pop(); file !== undefined; file = left.pop()) {
    const chunk = bundle[file];
    if (found.has(file) || chunk?.type !== "chunk") continue;
    found.add(file);
    left.push(...chunk.imports);
    for (const style of chunk.viteMetadata?.importedCss ?? []) if (style in bundle) found.add(style);
  }
  return found;
}

/** Builds the worker beside the pages, and tells it the files of this build. */
export function keptPage(): Plugin {
  return {
    name: "kept-page",
    apply: "build",
    // After the page is whole, and before all is packed.
    enforce: "post",
    buildStart() {
      this.emitFile({ type: "chunk", id: WORKER, fileName: NAME });
    },
    generateBundle(_, bundle) {
      const chunks = Object.values(bundle).filter((output) => output.type === "chunk");
      const [worker, page] = [bundle[NAME], bundle["index.html"]];
      if (worker?.type !== "chunk" || page?.type !== "asset") throw new Error("there is no worker or no page to keep");
      if (worker.imports.length > 0) throw new Error(`${NAME} must stand alone, and imports ${worker.imports.join(", ")}`);
      const isWanted = ({ fileName, isEntry, moduleIds }: Rollup.OutputChunk): boolean =>
        fileName !== NAME && (isEntry || moduleIds.some((id) => id.endsWith(CHECK_PAGE)));
      const files = [...needed(bundle, chunks.filter(isWanted).map(({ fileName }) => fileName))].sort().map((file) => `/${file}`);
      const version = createHash("sha256").update(JSON.stringify(files)).update(page.source).digest("hex").slice(0, 16);
      const filled = worker.code.replace(PLACE, () => JSON.stringify({ version, files }));
      if (filled === worker.code) throw new Error(`${NAME} has no place for what is to be kept`);
      worker.code = filled;
    },
  };
}
