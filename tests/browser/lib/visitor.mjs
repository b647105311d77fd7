// A person at a page in Chromium: opens a link, clicks, sees and hears.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

import { CODE, SOURCES } from "./clip.mjs";
import { loudness, pictures, traffic } from "./senses.mjs";
import { spy } from "./spy.mjs";
import { passing, until } from "./until.mjs";

/** Where photographs go. */
export const ARTIFACTS = fileURLToPath(new URL("../../artifacts/", import.meta.url));

const SIZES = {
  small: { width: 390, height: 844 },
  laptop: { width: 1366, height: 768 },
  large: { width: 1920, height: 1080 },
};

const USUAL = ["small", "large"];

/** Loudness in decibels of full scale above which a pitch is heard, and below which it is not. */
const HEARD = -55;
const UNHEARD = -65;

const CHROMIUM = "/usr/bin/chromium";

const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--use-fake-device-for-media-stream",
  "--use-fake-ui-for-media-stream",
  "--allow-loopback-in-peer-connection",
  "--disable-features=WebRtcHideLocalIpsWithMdns",
];

/**
 * Starts a browser. With a `clip` its camera and microphone play that; in a `namespace` it has that
 * network only. `args` are further arguments.
 */
export function launchChromium({ clip, namespace, args: further = [] } = {}) {
  const args = [...ARGUMENTS, ...further];
  if (clip) args.push(`--use-file-for-fake-video-capture=${clip.picture}`, `--use-file-for-fake-audio-capture=${clip.sound}`);
  return chromium.launch({ executablePath: namespace?.wrap(CHROMIUM) ?? CHROMIUM, headless: true, args });
}

/**
 * Starts a browser that keeps what it remembers in the directory `profile`, as one at a site does; in a `namespace`, with
 * further arguments, and in the environment `env`.
 */
export function launchProfile(profile, { namespace, args = [], env } = {}) {
  const executablePath = namespace?.wrap(CHROMIUM) ?? CHROMIUM;
  return chromium.launchPersistentContext(profile, { executablePath, headless: true, args: [...ARGUMENTS, ...args], ...(env && { env }) });
}

/**
 * Opens `link`. Chromium ends what it loads where a network device comes or goes on this machine, as the lines of these
 * tests do: then a person loads the page again.
 */
async function open(page, link, options, times = 3) {
  try {
    await page.goto(link, options);
  } catch (error) {
    if (times <= 1 || !`${error}`.includes("ERR_NETWORK_CHANGED")) throw error;
    await open(page, link, options, times - 1);
  }
}

export class Visitor {
  /** The page, for what has no word here. */
  page;
  #faults = [];

  /** Opens `link` in a window of its own, in English. */
  static async open(browser, link) {
    return this.at(await browser.newContext({ viewport: { width: 1280, height: 800 } }), link);
  }

  /**
   * Opens `link` in a window of `context`, in English; whatever it waits for takes so many seconds at most. `waitUntil`
   * is what of the page must be there.
   */
  static async at(context, link, { seconds = 10, waitUntil = "load" } = {}) {
    const visitor = new this();
    await context.addInitScript(spy);
    await context.addInitScript(() => localStorage.getItem("dinh.language") ?? localStorage.setItem("dinh.language", "en"));
    visitor.page = await context.newPage();
    visitor.page.setDefaultTimeout(seconds * 1_000);
    visitor.page.on("pageerror", (error) => visitor.#faults.push(`${error}`));
    await open(visitor.page, link, { waitUntil });
    return visitor;
  }

  /** Presses a button by its words. */
  async press(name) {
    await this.page.getByRole("button", { name, exact: typeof name === "string" }).click();
  }

  /** Waits until these words are on the page. */
  async reads(words) {
    await this.page.getByText(words).first().waitFor();
  }

  /** What the page says of itself. */
  about(fact) {
    return this.page.evaluate((name) => globalThis.__dinh[name], fact);
  }

  /** How often this page has called setRemoteDescription. */
  remoteDescriptions() {
    return this.page.evaluate(() => globalThis.__seen.remoteDescriptions);
  }

  /** Milliseconds from the first click to the first picture. */
  async firstFrame() {
    const { clicked, firstFrame } = await until("a first picture", () =>
      this.page.evaluate(() => globalThis.__seen.firstFrame !== null && { ...globalThis.__seen, peers: null }),
    );
    return Math.round(firstFrame - clicked);
  }

  /** What became of its peer connections, each with milliseconds since the first click. */
  async steps() {
    const { steps, clicked } = await this.page.evaluate(() => ({ ...globalThis.__seen, peers: null }));
    return steps.map(({ step, at }) => `${Math.round(at - clicked)} ${step}`);
  }

  /** What the media comes over, and the port that it comes from. */
  async way() {
    const entries = await this.page.evaluate(() => globalThis.__dinh.stats());
    const by = new Map(entries.map((entry) => [entry.id, entry]));
    const { selectedCandidatePairId } = entries.find(({ type }) => type === "transport") ?? {};
    const pair = by.get(selectedCandidatePairId);
    const [local, remote] = [by.get(pair?.localCandidateId), by.get(pair?.remoteCandidateId)];
    return { by: local?.relayProtocol ?? local?.protocol, port: remote?.port, relay: local?.url };
  }

  /** The named pictures; see `pictures` in senses.mjs. */
  pictures() {
    return this.page.evaluate(pictures, { code: CODE });
  }

  /** Waits until exactly these sources are shown and each moves. */
  async sees(names, { seconds = 10 } = {}) {
    const wanted = names.map((name) => SOURCES[name].number).sort();
    const before = new Map();
    await until(
      `moving pictures of ${names.join(" and ") || "nobody"}`,
      async () => {
        const shown = (await this.pictures()).filter(({ code }) => code !== null);
        const isRight = String(shown.map(({ code }) => code.source).sort()) === String(wanted);
        if (!isRight) return false;
        return shown.every(({ code: { source, frame } }) => {
          const first = before.get(source) ?? frame;
          before.set(source, first);
          return first !== frame;
        });
      },
      { seconds },
    );
  }

  /** Everything that arrives and leaves, as counted by the browser. */
  traffic() {
    return this.page.evaluate(traffic);
  }

  /** Frames decoded each second, per slot in use, over some seconds. */
  async frameRates(seconds = 3) {
    const before = await this.traffic();
    await passing(seconds * 1000);
    const after = await this.traffic();
    const elapsed = (after.at - before.at) / 1000;
    return Object.fromEntries(
      after.video.map(({ mid, framesDecoded }) => {
        const earlier = before.video.find((slot) => slot.mid === mid)?.framesDecoded ?? 0;
        return [mid, ((framesDecoded ?? 0) - earlier) / elapsed];
      }),
    );
  }

  /** Packets of sound sent each second, over some seconds. */
  async audioPackets(seconds = 3) {
    const sent = ({ sent }) => sent.filter(({ kind }) => kind === "audio").reduce((sum, { packetsSent }) => sum + packetsSent, 0);
    const before = await this.traffic();
    await passing(seconds * 1000);
    const after = await this.traffic();
    return ((sent(after) - sent(before)) * 1000) / (after.at - before.at);
  }

  /** Loudness of every source's pitch, in decibels: see `loudness`. */
  loudness(milliseconds = 600, middle = false) {
    const pitches = Object.fromEntries(Object.entries(SOURCES).map(([name, { pitch }]) => [name, pitch]));
    return this.page.evaluate(loudness, { pitches, milliseconds, middle });
  }

  /** Waits until these sources are heard and no other. */
  async hears(names, { seconds = 10 } = {}) {
    await until(
      `the sound of ${names.join(" and ") || "nobody"}`,
      async () => {
        const levels = await this.loudness();
        const isRight = Object.entries(levels).every(([name, level]) =>
          names.includes(name) ? level > HEARD : level < UNHEARD,
        );
        if (!isRight) throw new Error(JSON.stringify(levels));
        return true;
      },
      { seconds },
    );
  }

  /** Photographs the page in both languages, small and large. */
  async photograph(name) {
    for (const language of ["vi", "en"]) {
      await this.page.getByRole("button", { name: language === "vi" ? "Tiếng Việt" : "English" }).click();
      await this.photographNow(`${name}-${language}`);
    }
  }

  /** Makes the window as small as a phone, or as large as a wall. */
  resize(size) {
    return this.page.setViewportSize(SIZES[size]);
  }

  /** Photographs the page as it is, small and large; nothing may stick out at the side. */
  async photographNow(name, sizes = USUAL) {
    mkdirSync(ARTIFACTS, { recursive: true });
    const usual = this.page.viewportSize();
    for (const size of sizes) {
      await this.resize(size);
      await this.page.screenshot({ path: `${ARTIFACTS}${name}-${size}.png`, animations: "disabled" });
      const excess = await this.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(excess <= 0, `${name} (${size}) is ${excess} px too wide`);
    }
    await this.page.setViewportSize(usual);
  }

  /** Fails if a script of the page has failed. */
  wasWell() {
    assert.deepEqual(this.#faults, []);
  }
}
