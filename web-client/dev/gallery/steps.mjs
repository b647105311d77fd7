// What leads to a state of the gallery, one after the other.

import { answered } from "./answers.mjs";
import { runFor } from "./clock.mjs";
import { said } from "./words.mjs";

/** One step after the other. */
export const steps =
  (...list) =>
  async (page) => {
    for (const step of list) await step(page);
  };

/** A step of the page's clock, which stands still otherwise, in milliseconds. */
const TICK_MS = 100;
/** A larger one, where only time is waited for: what the page asks the server meanwhile is answered in between. */
const LEAP_MS = 500;
/** What has not come about after so many of them does not. */
const TICKS = 120;

async function tick(page, ms = TICK_MS) {
  await runFor(page, ms);
  await answered(page);
}

/** Time goes by in the page. */
export const later = (ms) => async (page) => {
  for (let left = ms; left > 0; left -= LEAP_MS) await tick(page, Math.min(LEAP_MS, left));
};

/** Lets time go by until it is so. */
export async function until(page, what, isSo, ms = TICK_MS, most = TICKS) {
  for (let ticks = 0; ticks < most; ticks++) {
    if (await isSo()) return;
    await tick(page, ms);
  }
  throw new Error(`${what} never came about`);
}

const visible = (page, what, locator) => until(page, what, () => locator.isVisible());

/** Waits until the page says a sentence. */
export const reads = (key) => (page) => visible(page, `"${key}"`, page.getByText(said(key)).filter({ visible: true }).first());

/** Presses a button by the key of its words. */
export const press = (key) => async (page) => {
  const button = page.getByRole("button", { name: said(key) }).filter({ visible: true }).first();
  await visible(page, `the button "${key}"`, button);
  await button.click();
  await tick(page);
};

/** Presses what `selector` finds, seen or not: a page for narrow windows is reached in a wide one too. */
export const touch = (selector, index = 0) => async (page) => {
  const found = page.locator(selector).nth(index);
  await until(page, selector, async () => (await page.locator(selector).count()) > index);
  await found.evaluate((element) => element.click());
  await tick(page);
};

/** Waits for what takes up to so many milliseconds of the page's clock. */
export const soon = (selector, ms) => (page) => until(page, selector, () => page.locator(selector).first().isVisible(), 250, ms / 250);

export const present = (selector) => (page) => visible(page, selector, page.locator(selector).first());
export const fill = (selector, words) => (page) => page.locator(selector).fill(words);
export const key = (name) => (page) => page.keyboard.press(name);

/** The server says this, and nothing else of the kind any more. */
export const say = (message) => (page) =>
  page.evaluate((data) => {
    globalThis.__fixed.add(data.type);
    globalThis.__sockets.at(-1).dispatchEvent(new MessageEvent("message", { data: JSON.stringify(data) }));
  }, message);

/** The server closes the line and says why; without a reason it breaks. */
export const end = (code, reason = null) => (page) =>
  page.evaluate(
    ([closeCode, why]) => {
      const socket = globalThis.__sockets.at(-1);
      const closing = { type: "closing", reason: why, retryAfterSeconds: null };
      if (why !== null) socket.dispatchEvent(new MessageEvent("message", { data: JSON.stringify(closing) }));
      socket.dispatchEvent(new CloseEvent("close", { code: closeCode }));
    },
    [code, reason],
  );

const NOTHING = { microphone: false, camera: false };
export const ALL = { microphone: true, camera: true };
export const self = (part) =>
  say({ type: "self", version: 9, muted: false, floor: "none", position: null, onStage: false, device: 1, standsBy: false, arriving: NOTHING, lastTurn: null, ...part });

export const JOINS = ["check.join_watch", "check.join_speak", "check.join_anyway"];
/** Goes in, and waits until picture and sound are connected. */
export const join = async (page) => {
  const words = new RegExp(JOINS.map((name) => said(name).source).join("|"), "su");
  const button = page.getByRole("button", { name: words });
  await visible(page, "a way in", button);
  await button.click();
  await present(".stage")(page);
  await until(page, "a connection", () => page.evaluate(() => globalThis.__peer?.iceConnectionState === "connected" || globalThis.__isHeldBack));
  await later(500)(page);
};
