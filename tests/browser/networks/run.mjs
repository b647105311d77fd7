// run.mjs [--side-by-side N] [--document FILE] [--raw DIRECTORY] [CASE…]: real browsers behind bad lines.
//
// A server with the clip's hall on air, and for each case a Chromium in a network of its own behind a
// line of its own. Prints one row for each bar, and ends with 1 when one was missed. `quick` stands
// for the cases that `make test` runs; without any all are run. `--document` writes the table down;
// `--raw` keeps all that was seen, for whoever looks closer; `--slack` widens the bars by a factor, for
// machines that do other things besides.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { Line } from "../lib/line.mjs";
import { LoadTest } from "../lib/loadtest.mjs";
import { Server } from "../lib/server.mjs";
import { passing } from "../lib/until.mjs";
import { launchChromium } from "../lib/visitor.mjs";
import { CASES, QUICK } from "./cases.mjs";
import { InChromium, InFirefox } from "./people.mjs";
import { Evidence } from "./witness.mjs";

/** Sites of the demo conference: those behind each line. */
const SITES = [
  ["06421", "06427", "06445"],
  ["15013", "15016", "15019"],
  ["23563", "23575", "23586"],
  ["27991", "27994", "28003"],
];

/** How long the hall stays: longer than all cases take. */
const DURATION = "2h";

/** How long a page watches on the line it joined on before that becomes worse. */
const SETTLE_MS = 8_000;

/** By then a browser has noticed that its address is another, and breaks nothing off for it any more. */
const NOTICED_MS = 3_000;

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    "side-by-side": { type: "string", default: "3" },
    document: { type: "string" },
    slack: { type: "string", default: "1" },
    raw: { type: "string" },
  },
});
const names = positionals.flatMap((name) => (name === "quick" ? QUICK : name));
const wanted = names.length > 0 ? names : Object.keys(CASES);
for (const name of wanted) if (!CASES[name]) throw new Error(`${name} is no case: ${Object.keys(CASES).join(", ")}`);

/** Of the browsers that watched. */
const versions = { chromium: "", firefox: "" };

/** One line with the browser behind it, for one case after the other. */
class Lane {
  constructor(line, [browser, near], server, links) {
    Object.assign(this, { line, browser, near, server, links });
  }

  async run(name) {
    const { line } = this;
    const { joins = {}, before, isNew } = CASES[name];
    line.set(joins);
    line.namespace.mend();
    before?.(line.namespace);
    if (isNew) await this.#renew();
    const people = [];
    try {
      return await this.#watch(name, people);
    } finally {
      line.namespace.mend();
      line.set({});
      for (const one of people) await one.close();
    }
  }

  /** Has the line lead to an address of which neither the server nor the system knows what it carried before. */
  async #renew() {
    this.line.namespace.readdress();
    await passing(NOTICED_MS);
  }

  /** Has all who watch in this case do so, each of whom is put into `people` for whoever takes them away. */
  async #watch(name, people) {
    const { line } = this;
    const { sites = 1, steps } = CASES[name];
    // Whoever opens a link whose page was closed just now waits until that is known to be gone: the next case takes others.
    const links = this.links.splice(0, sites);
    this.links.push(...links);
    for (const link of links) people.push(await this.#open(name, link));
    const clicked = await Promise.all(people.map((one) => one.join()));
    const [first] = people;
    // Of one who speaks somebody else tells, on this machine.
    const told = CASES[name].speaks ? await this.#listener() : null;
    if (told) people.push(told);
    if (told) await first.speak((participant) => this.server.rest("/conferences/demo/floor/grant", "POST", { participant }));
    await passing(SETTLE_MS);
    const participant = await first.participant();
    const times = [{ name: "join", from: Math.max(...clicked), to: Date.now(), work: [0, 0] }];
    for (const { name: step, seconds, line: link, act } of steps) {
      const from = Date.now();
      if (link) line.set(link);
      await act?.(line.namespace, first.page);
      const before = await first.worked();
      await passing(seconds * 1_000);
      const after = await first.worked();
      times.push({ name: step, from, to: Date.now(), work: after.map((seconds, index) => seconds - before[index]) });
    }
    times.push({ name: "all", from: times[1].from, to: Date.now(), work: [0, 0] });
    const all = await Promise.all((told ? [told] : people).map((one) => one.tell()));
    const isAnother = (await first.participant()) !== participant;
    if (first.version) versions.firefox = first.version.replace(/^.*\//u, "");
    this.#keep(name, { times, told: all, reports: line.reports });
    return Object.fromEntries(times.map((time) => [time.name, this.#evidence(all, time, { baseline: times[1].from, isAnother })]));
  }

  #open(name, link) {
    const { isFirefox, isFrugal, everyMs, language } = CASES[name];
    if (isFirefox) return InFirefox.open(this.line.namespace, link);
    return InChromium.open(this.browser, link, { isFrugal, everyMs, language });
  }

  /** Somebody who watches on this machine. */
  async #listener() {
    const one = await InChromium.open(this.near, this.server.at("127.0.0.1", this.server.links.commune));
    await one.join();
    return one;
  }

  #evidence(all, { from, to, work }, known) {
    const [busy, scripted] = work.map((seconds) => (seconds * 1_000) / (to - from));
    const everybody = all.map((told) => new Evidence(told, this.line.between(from, to), from, to));
    return Object.assign(everybody[0], { everybody, busy, scripted, ...known });
  }

  #keep(name, seen) {
    if (!options.raw) return;
    mkdirSync(options.raw, { recursive: true });
    writeFileSync(join(options.raw, `${name}.json`), JSON.stringify(seen));
  }
}

const slack = Number(options.slack);
const rows = [];
function judge(name, evidence) {
  for (const [step, it] of Object.entries(evidence)) console.log(`${name} ${step}: ${JSON.stringify(it.figures)}`);
  for (const { of, what, value, limit, least, digits, unit } of CASES[name].bars) {
    const measured = value(evidence[of]);
    const isKept = least ? measured >= limit / slack : measured <= limit * slack;
    const written = Number.isFinite(measured) ? `${measured.toFixed(digits)}${unit}` : "never";
    rows.push({ title: CASES[name].title, what, bar: `${least ? "≥" : "≤"} ${limit}${unit}`, measured: written, isKept });
  }
}

function table() {
  const head = ["| line | what | bar | measured | |", "|---|---|---|---|---|"];
  const inOrder = Object.values(CASES).flatMap(({ title }) => rows.filter((row) => row.title === title));
  const body = inOrder.map(
    ({ title, what, bar, measured, isKept }) =>
      `| ${title} | ${what} | ${bar} | ${measured} | ${isKept ? "" : "missed"} |`,
  );
  return [...head, ...body].join("\n");
}

function describe({ chromium, firefox }) {
  return `# Real browsers on bad lines

Written by \`make test-networks\` (\`tests/browser/networks\`). Each line is a device of its own between this machine and a network namespace, in which Chromium ${chromium} watches the hall (Firefox ${firefox} where a row says so): layers of 180 lines and 15 pictures a second (about 100 kbit/s), 360 lines and 15 (300 kbit/s), 720 lines and 30 (900 kbit/s), and sound in packets of 60 ms. The page joins on a clean line, watches for ${SETTLE_MS / 1_000} s, and then the line becomes what is said, in both directions. Everything goes over it: pages, the WebSocket, media. What is measured is counted by the browser (\`getStats\`, \`requestVideoFrameCallback\`) and by the device.

${table()}
`;
}

const directory = mkdtempSync(join(tmpdir(), "dinh-networks-"));
const undo = [];
let hasFailed = false;
try {
  const width = Math.min(Number(options["side-by-side"]), SITES.length, wanted.length);
  const lines = [];
  for (let index = 0; index < width; index += 1) {
    const line = await Line.open(directory);
    undo.push(() => line.close());
    lines.push(line);
  }
  const data = join(directory, "data");
  mkdirSync(data);
  const { gateway } = lines[0].namespace;
  const server = await Server.start(data, { DINH_MEDIA__ADVERTISE: `["127.0.0.1","${gateway}"]`, DINH_MEDIA__SHARDS: "1" });
  undo.push(() => server.stop());
  const hall = await LoadTest.start(server, { sites: 1, duration: DURATION, "audio-frame": 60, "max-failed": 1 });
  undo.push(() => hall.stop());
  await passing(3_000);
  hall.runs();
  const near = await launchChromium();
  undo.push(() => near.close());
  const lanes = await Promise.all(
    lines.map(async (line, index) => {
      // Who speaks opens devices, which browsers allow to pages by TLS alone.
      const args = [`--unsafely-treat-insecure-origin-as-secure=http://${gateway}:${server.port}`];
      const browser = await launchChromium({ namespace: line.namespace, args });
      undo.push(() => browser.close());
      versions.chromium = browser.version();
      const links = await Promise.all(SITES[index].map(async (site) => server.at(gateway, await server.linkOf(site))));
      return new Lane(line, [browser, near], server, links);
    }),
  );
  const drain = async (lane, queue) => {
    for (let name = queue.shift(); name; name = queue.shift()) {
      try {
        judge(name, await lane.run(name));
      } catch (error) {
        hasFailed = true;
        console.log(`${name}: ${error.stack}`);
        const [measured] = error.message.split("\n");
        rows.push({ title: CASES[name].title, what: "can be tried", bar: "", measured, isKept: false });
      }
    }
  };
  // All are in one conference: while somebody speaks nobody else is to be measured.
  const watching = wanted.filter((name) => !CASES[name].speaks);
  await Promise.all(lanes.map((lane) => drain(lane, watching)));
  await drain(lanes[0], wanted.filter((name) => CASES[name].speaks));
} finally {
  for (const step of undo.reverse()) await step();
  rmSync(directory, { recursive: true, force: true });
}
console.log(table());
if (options.document) writeFileSync(options.document, describe(versions));
process.exitCode = hasFailed || rows.some(({ isKept }) => !isKept) ? 1 : 0;
