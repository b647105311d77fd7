// The page itself behind a weak line: how much of it there is, and how soon something can be clicked.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { World } from "../lib/world.mjs";

/** 250 kbit/s, 200 ms there and back. */
const WEAK = { offline: false, latency: 200, downloadThroughput: 250_000 / 8, uploadThroughput: 250_000 / 8 };

/** Bytes of all that a first visit needs until the conference is there, fonts included. */
const FIRST_VISIT = 150 * 1024;

/** Bytes of what must be there before the first button: of three seconds the handshakes take one, the script half a second. */
const FIRST_BUTTON = 50 * 1024;

/** Milliseconds until the first button can be pressed, on a machine that has nothing else to do; here it has. */
const CLICKABLE = { goal: 3_000, bound: 6_000 };

describe("the page on a weak line", { timeout: 120_000 }, () => {
  const world = new World();
  let browser;

  before(async () => {
    await world.start();
    browser = await world.browser();
  });
  after(() => world.end());

  /** A page that has opened nothing yet, behind the weak line, and what arrives there. */
  async function weakPage() {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    const page = await context.newPage();
    const session = await context.newCDPSession(page);
    await session.send("Network.enable");
    await session.send("Network.emulateNetworkConditions", WEAK);
    const arrived = new Map();
    session.on("Network.responseReceived", ({ requestId, response }) => arrived.set(requestId, { url: response.url, bytes: 0 }));
    session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
      const file = arrived.get(requestId);
      if (file) file.bytes = encodedDataLength;
    });
    return { page, files: () => [...arrived.values()].filter(({ url }) => url.startsWith("http")) };
  }

  it("has its first button within seconds, and little to load", async (t) => {
    const { page, files } = await weakPage();
    const began = performance.now();
    await page.goto(`${world.server.at("127.0.0.1", world.server.links.commune)}`, { waitUntil: "commit" });
    await page.getByRole("button", { name: "Vào xem" }).click({ trial: true });
    const clickable = Math.round(performance.now() - began);
    const before = files().filter(({ bytes }) => bytes > 0);
    const first = before.reduce((sum, { bytes }) => sum + bytes, 0);
    await page.waitForLoadState("networkidle");
    await page.getByRole("button", { name: "Vào xem" }).click();
    await page.getByText("Đề nghị phát biểu").first().waitFor();
    const all = files().reduce((sum, { bytes }) => sum + bytes, 0);
    t.diagnostic(`clickable after ${clickable} ms (goal ${CLICKABLE.goal}), ${first} bytes until then, ${all} in all`);
    assert.ok(first <= FIRST_BUTTON, `${first} bytes:\n${before.map(({ url, bytes }) => `${bytes} ${url}`).join("\n")}`);
    assert.deepEqual(before.filter(({ url }) => url.endsWith("woff2")), [], "letters come after the button");
    assert.ok(all <= FIRST_VISIT, `${all} bytes:\n${files().map(({ url, bytes }) => `${bytes} ${url}`).join("\n")}`);
    assert.ok(clickable <= CLICKABLE.bound, `clickable after ${clickable} ms`);
    const twice = files().map(({ url }) => url).filter((url, index, all) => all.indexOf(url) < index);
    assert.deepEqual(twice, [], "nothing is fetched twice");
    assert.deepEqual(files().filter(({ url }) => /operator/iu.test(url)), [], "a site loads nothing of the desk");
  });

  it("loads hardly anything the next time", async () => {
    const { page, files } = await weakPage();
    const link = world.server.at("127.0.0.1", world.server.links.commune);
    await page.goto(`${link}`, { waitUntil: "networkidle" });
    const first = files().length;
    await page.goto("about:blank");
    await page.goto(`${link}`, { waitUntil: "networkidle" });
    const again = files().slice(first);
    const bytes = again.reduce((sum, file) => sum + file.bytes, 0);
    assert.ok(again.length > 0 && bytes < 8 * 1024, `${bytes} bytes:\n${again.map((file) => `${file.bytes} ${file.url}`).join("\n")}`);
  });
});
