// How smoothly an operator's wall goes on with a whole country that changes: frames a second and the share of the main
// thread, for each view, against the mock server (build first). Fails where it neither keeps up nor has time to spare.
// node dev/wall.mjs [changes a second] [seconds for each view] [width×height …]

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const CHANGES = Number(process.argv[2] ?? 50);
const SECONDS = Number(process.argv[3] ?? 10);
const WALLS = process.argv.length > 4 ? process.argv.slice(4) : ["1920×1080", "3840×2160"];
/** One of both: on a machine that does other things as well there are fewer frames, however little a page does. */
const BARS = { rate: 55, share: 0.25 };

const text = `e30.${Buffer.from(JSON.stringify({ conf: "01JD8XZ3N7", role: "operator" })).toString("base64url")}.mock`;
const VIEWS = {
  provinces: async () => undefined,
  "everybody present": (page) => page.locator('[data-filter="present"]').click(),
  "those who suffer": (page) => page.locator('[data-filter="suffering"]').click(),
};

const server = spawn(process.execPath, [fileURLToPath(new URL("mock-server.mjs", import.meta.url)), "0"], {
  env: { ...process.env, MOCK_QUEUE: "1", MOCK_CHANGES: String(CHANGES) },
  stdio: ["ignore", "pipe", "inherit"],
});
const links = await new Promise((ready) => server.stdout.once("data", ready));
const port = Number(/:(\d+)\//u.exec(links)[1]);
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });

/** Seconds that the main thread has worked, all in all. */
async function busy(client) {
  const { metrics } = await client.send("Performance.getMetrics");
  return metrics.find(({ name }) => name === "TaskDuration").value;
}

/** Counts frames for a while, and the longest time between two. */
function frames(seconds) {
  return new Promise((done) => {
    const times = [];
    const until = performance.now() + seconds * 1_000;
    const count = (now) => {
      times.push(now);
      if (now < until) requestAnimationFrame(count);
      else {
        const gaps = times.slice(1).map((time, index) => time - times[index]).sort((a, b) => a - b);
        done({ rate: gaps.length / seconds, worst: gaps[Math.floor(gaps.length * 0.99)] });
      }
    };
    requestAnimationFrame(count);
  });
}

for (const [width, height] of WALLS.map((wall) => wall.split("×").map(Number))) {
  for (const [view, show] of Object.entries(VIEWS)) {
    const page = await (await browser.newContext({ viewport: { width, height } })).newPage();
    await page.goto(`http://127.0.0.1:${port}/operator#token=${text}`);
    // Beginning is not going on: the list of sites is here, and what follows from it done.
    await page.waitForFunction(() => /3[.,]3/u.test(document.querySelector("[data-filter=all] .figure")?.textContent ?? ""));
    await page.waitForTimeout(2_500);
    await show(page);
    await page.waitForTimeout(1_000);
    const client = await page.context().newCDPSession(page);
    // By what the thread has worked, not by how long it took beside everything else on this machine.
    await client.send("Performance.setTimeDomain", { timeDomain: "threadTicks" });
    await client.send("Performance.enable");
    const before = await busy(client);
    const { rate, worst } = await page.evaluate(frames, SECONDS);
    const share = ((await busy(client)) - before) / SECONDS;
    const isKept = rate >= BARS.rate || share < BARS.share;
    if (!isKept) process.exitCode = 1;
    console.log(
      `${isKept ? "" : "TOO SLOW "}${width}×${height}, ${view}: ${rate.toFixed(1)} frames a second, 99 % within ${worst.toFixed(0)} ms, main thread ${(100 * share).toFixed(1)} %`,
    );
    await page.context().close();
  }
}
await browser.close();
server.kill();
