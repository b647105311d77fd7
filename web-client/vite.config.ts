// How the page is built, served while developing, and tested.

import { svelte } from "@sveltejs/vite-plugin-svelte";
import { compression } from "vite-plugin-compression2";
import { defineConfig } from "vitest/config";
import { plainIcons } from "./dev/icons.ts";
import { keptPage } from "./dev/kept.ts";
import { sentencesInParts, wholeLocales } from "./dev/locales.ts";
import { barInPage, stylesInPage } from "./dev/page.ts";

const OFFICE = "office";
const REPLY = "reply";
/** What begins a build of its own, beside the pages of a conference. */
const INPUTS: Readonly<Record<string, string>> = { [OFFICE]: "office.html", [REPLY]: "m.html" };
/** All that the page behind a short link says of what the first page of a conference may say. */
const REPLY_SAYS = ["app", "language", "place", "role"];
const SERVER = process.env["DINH_SERVER"] ?? "http://127.0.0.1:7900";

/**
 * The pages of whoever is in a conference, and, in builds of their own (`--mode office`, `--mode reply`), those of the
 * office and the one behind a site's short link: what several use is in each, so that nobody fetches anything for another.
 */
export default defineConfig(({ mode }) => ({
  plugins: [
    wholeLocales(),
    sentencesInParts(mode === REPLY ? REPLY_SAYS : null),
    plainIcons(),
    svelte(),
    stylesInPage(),
    barInPage(),
    ...(mode in INPUTS ? [] : [keptPage()]),
    // The server sends these as they are; a font is packed already.
    compression({ algorithms: ["brotliCompress", "gzip"], include: /\.(html|js|css|svg)$/u, threshold: 1024 }),
  ],
  build: {
    // The last browsers that still run on Windows 7 and 8.1, and Safari of the same years.
    target: ["chrome109", "firefox115", "safari16"],
    // The server's content security policy allows no data: URLs.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 600,
    ...(mode in INPUTS && { emptyOutDir: false, copyPublicDir: false, rolldownOptions: { input: INPUTS[mode] ?? "" } }),
  },
  // `vite preview`, which serves dist/, takes the same proxy.
  server: {
    proxy: {
      "/ws": { target: SERVER, ws: true },
      "/api": { target: SERVER },
    },
  },
  // Components are tested as browsers run them.
  ...(process.env["VITEST"] && { resolve: { conditions: ["browser"] } }),
  test: {
    environment: "node",
    include: ["test/**/*.test.ts"],
  },
}));
