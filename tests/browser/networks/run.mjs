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
import { passing, until } from "../lib/until.mjs";
import { launchChromium, Visitor } from "../lib/visitor.mjs";
import { CASES, QUICK } from "./cases.mjs";
import { Evidence, testimony, witness } from "./witness.mjs";

/** Sites of the demo conference, one for each line. */
const SITES = ["06421", "15013", "23563", "27991"];

/** How long the hall stays: longer than all cases take. */
const DURATION = "2h";

/** How long a page watches on the line it joined on before that becomes worse. */
const SETTLE_MS = 8_000;

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

/** One line with the browser behind it, for one case after the other. */
class Lane {
  constructor(line, browser, server, link) {
    Object.assign(this, { line, browser, server, link });
  }

  async run(name) {
    const { line, browser } = this;
    const { joins = {}, before, steps } = CASES[name];
    line.set(joins);
    line.namespace.mend();
    before?.(line.namespace);
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, permissions: ["camera", "microphone"] });
    try {
      await context.addInitScript(witness, CASES[name].isFrugal ?? false);
      // What is only fetched for later keeps nobody waiting.
      const visitor = await Visitor.at(context, this.link, { seconds: 90, waitUntil: "commit" });
      await visitor.press("Join and watch");
      const clicked = Date.now();
      const opened = await visitor.page.evaluate(() => performance.timeOrigin);
      await until("a first picture", () => visitor.page.evaluate(() => globalThis.__witness.frames.length > 0), { seconds: 60 });
      await passing(SETTLE_MS);
      const participant = await visitor.about("participant");
      const effort = await context.newCDPSession(visitor.page);
      await effort.send("Performance.enable");
      /** Seconds for which the main thread has worked, and for which it ran scripts. */
      const worked = async () => {
        const { metrics } = await effort.send("Performance.getMetrics");
        return ["TaskDuration", "ScriptDuration"].map((what) => metrics.find(({ name }) => name === what).value);
      };
      const times = [{ name: "join", from: clicked, to: Date.now(), work: [0, 0] }];
      for (const { name: step, seconds, line: link, act } of steps) {
        const from = Date.now();
        if (link) line.set(link);
        await act?.(line.namespace, visitor.page);
        const before = await worked();
        await passing(seconds * 1_000);
        const after = await worked();
        times.push({ name: step, from, to: Date.now(), work: after.map((seconds, index) => seconds - before[index]) });
      }
      const told = await visitor.page.evaluate(testimony);
      const isAnother = (await visitor.about("participant")) !== participant;
      const baseline = times[1].from;
      const evidence = Object.fromEntries(
        times.map(({ name: step, from, to, work }) => {
          const it = new Evidence(told, line.between(from, to), from, to);
          const [busy, scripted] = work.map((seconds) => (seconds * 1_000) / (to - from));
          Object.assign(it, { baseline, isAnother, busy, scripted, usable: (clicked - opened) / 1_000 });
          return [step, it];
        }),
      );
      if (options.raw) {
        mkdirSync(options.raw, { recursive: true });
        writeFileSync(join(options.raw, `${name}.json`), JSON.stringify({ times, told, reports: line.reports }));
      }
      return evidence;
    } finally {
      await context.close();
      line.namespace.mend();
      line.set({});
    }
  }
}

const slack = Number(options.slack);
let version = "";
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

function describe(version) {
  return `# Real browsers on bad lines

Written by \`make test-networks\` (\`tests/browser/networks\`). Each line is a device of its own between this machine and a network namespace, in which Chromium ${version} watches the hall: layers of 180 lines and 15 pictures a second (about 100 kbit/s), 360 lines and 15 (300 kbit/s), 720 lines and 30 (900 kbit/s), and sound in packets of 60 ms. The page joins on a clean line, watches for ${SETTLE_MS / 1_000} s, and then the line becomes what is said, in both directions. Everything goes over it: pages, the WebSocket, media. What is measured is counted by the browser (\`getStats\`, \`requestVideoFrameCallback\`) and by the device.

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
  const queue = [...wanted];
  await Promise.all(
    lines.map(async (line, index) => {
      const browser = await launchChromium({ namespace: line.namespace });
      undo.push(() => browser.close());
      version = browser.version();
      const link = server.at(gateway, await server.linkOf(SITES[index]));
      const lane = new Lane(line, browser, server, link);
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
    }),
  );
} finally {
  for (const step of undo.reverse()) await step();
  rmSync(directory, { recursive: true, force: true });
}
console.log(table());
if (options.document) writeFileSync(options.document, describe(version));
process.exitCode = hasFailed || rows.some(({ isKept }) => !isKept) ? 1 : 0;
