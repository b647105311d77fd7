// What the built page holds itself.

import type { Plugin } from "vite";

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
