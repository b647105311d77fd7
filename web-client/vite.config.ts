// How the page is built, served while developing, and tested.

import { svelte } from "@sveltejs/vite-plugin-svelte";
import { compression } from "vite-plugin-compression2";
import { defineConfig } from "vitest/config";
import { keptPage } from "./dev/kept.ts";
import { sentencesInParts, wholeLocales } from "./dev/locales.ts";
import { stylesInPage } from "./dev/page.ts";

const OFFICE = "office";
const SERVER = process.env["DINH_SERVER"] ?? "http://127.0.0.1:7900";

/**
 * The pages of whoever is in a conference, and, in a build of its own (`--mode office`), those of the office: what both
 * use is in both, so that nobody fetches anything for the other.
 */
export default defineConfig(({ mode }) => ({
  plugins: [
    wholeLocales(),
    sentencesInParts(),
    svelte(),
    stylesInPage(),
    ...(mode === OFFICE ? [] : [keptPage()]),
    // The server sends these as they are; a font is packed already.
    compression({ algorithms: ["brotliCompress", "gzip"], include: /\.(html|js|css|svg)$/u, threshold: 1024 }),
  ],
  build: {
    // The last browsers that still run on Windows 7 and 8.1, and Safari of the same years.
    target: ["chrome109", "firefox115", "safari16"],
    // The server's content security policy allows no data: URLs.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 600,
    ...(mode === OFFICE && { emptyOutDir: false, copyPublicDir: false, rolldownOptions: { input: "office.html" } }),
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
