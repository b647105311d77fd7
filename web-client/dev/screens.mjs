// The gallery: shows every state of every page in both languages, at every size and in every look, against the mock
// server; photographs it, has axe judge it, and fails on what is found. `--quick` looks where a fault is likeliest, and
// tells what looks different from the reference that is kept here, which `--renew` writes; `--longer CODE` looks whether
// one more language, of long words and with the plurals of CODE, has room. See README.md.
// node dev/screens.mjs [--quick [--renew] | --longer CODE] OUTPUT_DIR [name filter]

import "./gallery/moment.mjs";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import { watchRequests } from "./gallery/answers.mjs";
import { buildWith } from "./gallery/build.mjs";
import { CLERK } from "./gallery/clerk.mjs";
import { stopClocks } from "./gallery/clock.mjs";
import { Differences } from "./gallery/differences.mjs";
import { Fingerprints } from "./gallery/fingerprints.mjs";
import { longer } from "./gallery/longer.mjs";
import { Looker } from "./gallery/look.mjs";
import { asked, makeBelieve } from "./gallery/make-believe.mjs";
import { LETTERS } from "./gallery/letters.mjs";
import { LINE_CHECKS } from "./gallery/linecheck.mjs";
import { OFFICES } from "./gallery/office.mjs";
import { SCHEDULES } from "./gallery/schedule.mjs";
import { OPERATORS } from "./gallery/operator.mjs";
import { planOf } from "./gallery/plans.mjs";
import { later } from "./gallery/steps.mjs";
import { learn, read, Shown, strangers } from "./gallery/words.mjs";
import { UNSEEN } from "./gallery/unseen.mjs";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: "boolean", default: false }, renew: { type: "boolean", default: false }, longer: { type: "string" } },
});
const [OUT = "screens", ONLY = ""] = positionals;
if (options.renew && !options.quick) throw new Error("--renew keeps what --quick sees: it is said together with that");
const plan = planOf({ isQuick: options.quick, language: options.longer });
const { languages } = plan;
/** Pages at the same time, each with a server of its own. More do not help two cores. */
const WORKERS = Number(process.env.WORKERS ?? 4);
const states = [...CLERK, ...LINE_CHECKS, ...OPERATORS, ...OFFICES, ...SCHEDULES, ...LETTERS].filter(([name]) => name.includes(ONLY));
const shown = new Shown();
const failures = [];
let views = 0;

function fail(name, what) {
  failures.push(`${name}: ${what}`);
  console.log(name, what);
}

const tokenOf = (claims) => `e30.${Buffer.from(JSON.stringify({ conf: "01JD8XZ3N7", ...claims })).toString("base64url")}.mock`;

/** At a port that the system chooses: several runs may go on at the same time. */
async function startServer() {
  const server = spawn(process.execPath, ["--import", new URL("gallery/moment.mjs", import.meta.url).href, fileURLToPath(new URL("mock-server.mjs", import.meta.url)), "0"], {
    env: { ...process.env, MOCK_QUEUE: "1", MOCK_CHANGES: "0" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [links] = await Promise.race([once(server.stdout, "data"), once(server, "exit").then(([code]) => Promise.reject(new Error(`the mock server ended with ${code}`)))]);
  return { server, port: Number(/:(\d+)\//u.exec(links)[1]) };
}

/** Opens a state's page, in the first language, and does what leads to the state. */
async function reach(page, port, [name, path, claims, act]) {
  const held = [claims?.isHeld && "**/links/exchange", claims?.isListHeld && "**/roster"].filter(Boolean);
  for (const address of held) await page.route(address, () => undefined);
  const { isBareCode, flags = {}, isHeld: _, isListHeld: __, office, ...told } = claims ?? {};
  const hash = claims === null ? "" : (office?.hash ?? (isBareCode ? "#code=AAAA" : `#token=${tokenOf(told)}`));
  // The page before does not come back to the server that begins anew: its clock stands still.
  await fetch(`http://127.0.0.1:${port}/begin`, { method: "POST", body: JSON.stringify(office ?? {}) });
  await page.goto(`http://127.0.0.1:${port}${path}${asked({ id: name, now: Date.now(), language: languages[0], flags })}${hash}`);
  await act(page);
  await later(100)(page);
}

/** A browser's windows, one of each kind, kept from state to state: what is loaded and compiled once is so for all. */
class Windows {
  #browser;
  #pages = new Map();
  /** The state that is shown. */
  name = "";

  constructor(browser) {
    this.#browser = browser;
  }

  async of(kind) {
    const key = JSON.stringify(kind);
    if (!this.#pages.has(key)) this.#pages.set(key, await this.#open(kind));
    return this.#pages.get(key);
  }

  async #open(kind) {
    const context = await this.#browser.newContext({ viewport: { width: 1366, height: 768 }, locale: "vi-VN", timezoneId: "Asia/Ho_Chi_Minh", ...kind });
    await stopClocks(context);
    await context.addInitScript(makeBelieve);
    const page = await context.newPage();
    watchRequests(page);
    page.setDefaultTimeout(8_000);
    page.setDefaultNavigationTimeout(30_000);
    page.on("pageerror", (error) => fail(this.name, `error in the page: ${error.message}`));
    return page;
  }

  /** Gives the next state a window as new: whatever this one has left in it. */
  async tidy(kind, isWell) {
    const key = JSON.stringify(kind);
    const page = this.#pages.get(key);
    // Windows of rare kinds are not worth their memory.
    if (!isWell || key !== "{}") {
      this.#pages.delete(key);
      await page.context().close();
      return;
    }
    await page.unrouteAll();
    await page.context().setOffline(false);
  }
}

/** One state in all its views. */
async function show(windows, port, state, pictures) {
  const [name, , , , { isBrief = false, userAgent, hasTouch } = {}] = state;
  const kind = { ...(userAgent && { userAgent }), ...(hasTouch && { hasTouch }) };
  windows.name = name;
  const page = await windows.of(kind);
  let isWell = true;
  try {
    await reach(page, port, state);
    const looker = await Looker.at(page);
    for (const language of languages) {
      await looker.speak(language);
      if (options.longer) for (const what of strangers(await looker.texts(), language)) fail(name, what);
      shown.add(await looker.words(), language);
      await looker.look(plan, { isBrief, isFirst: language === languages[0] }, async (view, found, picture) => {
        const file = `${name}-${language}-${view}.jpg`;
        views += 1;
        for (const what of found) fail(file, what);
        if (picture !== null) await pictures.take(file, picture);
      });
    }
    await looker.end();
  } catch (error) {
    isWell = false;
    fail(name, `was not reached: ${error.message.split("\n").slice(0, 3).join(" ")}`);
    await page.screenshot({ path: `${OUT}/FAILED-${name}.jpg`, type: "jpeg" }).catch(() => undefined);
  }
  await windows.tidy(kind, isWell);
}

/** A table of everything, for a person who looks at it. */
function writeIndex() {
  const { sizes } = plan;
  const rows = states.map(([name]) => `<tr><th>${name}</th>${languages.flatMap((language) => sizes.map((size) => `<td><a href="${name}-${language}-${size}-light.jpg"><img loading="lazy" src="${name}-${language}-${size}-light.jpg" alt="${language} ${size}"></a></td>`)).join("")}</tr>`);
  writeFileSync(`${OUT}/index.html`, `<!doctype html><meta charset="utf-8"><style>img{height:180px}</style><table>${rows.join("\n")}</table>`);
}

mkdirSync(OUT, { recursive: true });
const begun = Date.now();
let built = null;
if (options.longer) {
  const messages = longer(read("en"), options.longer);
  learn(options.longer, messages);
  built = await buildWith(options.longer, messages);
  process.env.MOCK_DIST = built.dist;
}
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--autoplay-policy=no-user-gesture-required", "--disable-features=BackForwardCache"] });
const pictures = options.quick ? new Fingerprints(OUT, await browser.newPage()) : new Differences(OUT);
const queue = [...states];
await Promise.all(
  Array.from({ length: WORKERS }, async () => {
    const { server, port } = await startServer();
    const windows = new Windows(browser);
    for (let state = queue.shift(); state !== undefined; state = queue.shift()) await show(windows, port, state, pictures);
    server.kill();
  }),
);
if (options.renew) pictures.keep(ONLY === "");
else await pictures.print(browser, ONLY === "");
await browser.close();
if (built !== null) rmSync(built.directory, { recursive: true });
if (!options.quick && !options.longer) writeIndex();
if (ONLY === "" && !options.longer) {
  for (const language of languages) {
    for (const key of shown.missing(language, UNSEEN)) fail(`src/locales/${language}.json`, `no state says "${key}", and unseen.mjs does not say why`);
  }
  // No fault: a clock that is late says it too, and it may be in another sentence. What one language alone says is in its other words by chance.
  for (const key of Object.keys(UNSEEN).filter((known) => languages.every((language) => shown.has(language, known)))) console.log(`"${key}" of unseen.mjs is said in some state`);
}
console.log(`${states.length} states, ${views} views in ${Math.round((Date.now() - begun) / 1_000)} s, ${failures.length} faults`);
process.exitCode = failures.length > 0 ? 1 : 0;
