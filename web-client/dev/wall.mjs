// How smoothly an operator's wall goes on with a whole country that changes: frames a second and the share of the main
// thread, for each view, against the mock server (build first).
// node dev/wall.mjs [changes a second] [seconds for each view]

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const CHANGES = Number(process.argv[2] ?? 50);
const SECONDS = Number(process.argv[3] ?? 10);
const PORT = 7953;

const text = `e30.${Buffer.from(JSON.stringify({ conf: "01JD8XZ3N7", role: "operator" })).toString("base64url")}.mock`;
const VIEWS = {
  provinces: async () => undefined,
  "everybody present": (page) => page.locator('[data-filter="present"]').click(),
  "those who suffer": (page) => page.locator('[data-filter="suffering"]').click(),
};

const server = spawn(process.execPath, [fileURLToPath(new URL("mock-server.mjs", import.meta.url)), String(PORT)], {
  env: { ...process.env, MOCK_QUEUE: "1", MOCK_CHANGES: String(CHANGES) },
  stdio: ["ignore", "pipe", "inherit"],
});
await new Promise((ready) => server.stdout.once("data", ready));
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

for (const [width, height] of [[1920, 1080], [3840, 2160]]) {
  for (const [view, show] of Object.entries(VIEWS)) {
    const page = await (await browser.newContext({ viewport: { width, height } })).newPage();
    await page.goto(`http://127.0.0.1:${PORT}/operator#token=${text}`);
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
    console.log(
      `${width}×${height}, ${view}: ${rate.toFixed(1)} frames a second, 99 % within ${worst.toFixed(0)} ms, main thread ${(100 * share).toFixed(1)} %`,
    );
    await page.context().close();
  }
}
await browser.close();
server.kill();
