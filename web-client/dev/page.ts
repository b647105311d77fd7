// What the built page holds itself.

import type { Plugin } from "vite";
import { ROOF } from "../src/ui/parts/roof.ts";

const STYLES = /<link rel="stylesheet"[^>]*href="\/([^"]+)">/gu;

/**
 * Puts the styles of the first page into it. Apart they would come over a connection of their own, beside the script that
 * fills a narrow line: what that connection lost came seconds later, and nothing could be pressed until then.
 */
export function stylesInPage(): Plugin {
  return {
    name: "styles-in-page",
    apply: "build",
    transformIndexHtml: {
      order: "post",
      handler(html, { bundle = {} }) {
        return html.replace(STYLES, (link, file: string) => {
          const styles = bundle[file];
          if (styles?.type !== "asset") throw new Error(`${link}: there is no such file in the build`);
          Reflect.deleteProperty(bundle, file);
          return `<style>${String(styles.source).trim()}</style>`;
        });
      },
    },
  };
}

const PLACE = '<div id="app"></div>';
/** The bar above every page, with the name that it has in every language. */
const BAR = `<div class="opening"><p><svg viewBox="0 0 24 14" aria-hidden="true"><path d="${ROOF}"/></svg>Đình</p></div>`;

/** Shows the top of the page before its script is here, in place of nothing: on a narrow line that is seconds. */
export function barInPage(): Plugin {
  return {
    name: "bar-in-page",
    transformIndexHtml(html) {
      if (!html.includes(PLACE)) throw new Error(`the page lacks ${PLACE}`);
      return html.replace(PLACE, PLACE.replace("><", `>${BAR}<`));
    },
  };
}
