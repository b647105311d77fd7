// Which browser this is, and whether it is older than those that the pages are made for. Pure.

/** What the last versions for Windows 7 and 8.1 are, and Safari of the same years: the oldest that the pages are built for. */
const OLDEST = { chromium: 109, firefox: 115, safari: 16 } as const;

export interface Browser {
  /** Name and version, at most 64 characters. */
  readonly name: string;
  readonly isTooOld: boolean;
}

type Engine = keyof typeof OLDEST;

/** What each calls itself; the first that fits. Those that are made of Chromium say so too. */
const NAMES: readonly (readonly [name: string, engine: Engine, version: RegExp])[] = [
  ["Edge", "chromium", /Edg(?:A|iOS)?\/(\d+)/u],
  ["Coc Coc", "chromium", /coc_coc_browser\/(\d+)/u],
  ["Firefox", "firefox", /(?:Firefox|FxiOS)\/(\d+)/u],
  ["Chrome", "chromium", /(?:Chrome|CriOS)\/(\d+)/u],
  ["Safari", "safari", /Version\/(\d+)[\d.]* (?:Mobile\/\w+ )?Safari\//u],
];

/** The version of the engine: what a browser that is made of Chromium counts by itself says nothing of its age. */
function versionOf(engine: Engine, own: string, userAgent: string): number {
  const [, chromium] = /Chrome\/(\d+)/u.exec(userAgent) ?? [];
  return Number(engine === "chromium" ? (chromium ?? own) : own);
}

export function browserOf(userAgent: string): Browser {
  for (const [name, engine, pattern] of NAMES) {
    const [, version] = pattern.exec(userAgent) ?? [];
    if (version === undefined) continue;
    // On an iPhone all are Safari, whatever they count.
    const isApple = /iPhone|iPad/u.test(userAgent) && name !== "Safari";
    return { name: `${name} ${version}`, isTooOld: !isApple && versionOf(engine, version, userAgent) < OLDEST[engine] };
  }
  return { name: userAgent.slice(0, 64), isTooOld: false };
}

/** An address in the place of a name, inside TLS. */
const TLS_AT_ADDRESS = /^turns:(?:\[|[\d.]+(?:[:?]|$))/u;

/** Whether a browser tries any of these TURN servers at all: Firefox takes those inside TLS at names alone. */
export function triesTurn(userAgent: string, urls: readonly string[]): boolean {
  return !/Firefox\//u.test(userAgent) || urls.some((url) => !TLS_AT_ADDRESS.test(url));
}
