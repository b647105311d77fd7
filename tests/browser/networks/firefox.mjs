// A page in Firefox behind a bad line, as a program: firefox.mjs LINK BUTTON
//
// Joins by the button with these words and watches. Prints one JSON object a line: that it has clicked, that a first
// picture is there and, for each line that comes in, all that was taken down. Ends when nothing comes in any more.

import { createInterface } from "node:readline";

import { launchFirefox, speakEnglish } from "../lib/firefox.mjs";
import { spy } from "../lib/spy.mjs";
import { until } from "../lib/until.mjs";
import { testimony, witness } from "./witness.mjs";

const [link, button] = process.argv.slice(2);

const say = (is, more) => console.log(JSON.stringify({ is, ...more }));

const { browser, close } = await launchFirefox();
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(90_000);
  page.setDefaultNavigationTimeout(90_000);
  await page.setViewport({ width: 1280, height: 800 });
  await page.evaluateOnNewDocument(spy);
  await page.evaluateOnNewDocument(witness, { isFrugal: false, everyMs: 250 });
  await page.evaluateOnNewDocument(speakEnglish);
  await page.goto(link);
  const join = await page.waitForSelector(`button::-p-text(${button})`);
  const clicked = Date.now();
  await join.click();
  say("clicked", { clicked });
  const participant = () => page.evaluate(() => globalThis.__dinh.participant);
  await until("a first picture", () => page.evaluate(() => globalThis.__witness.frames.length > 0), { seconds: 90 });
  say("a first picture", { participant: await participant() });
  for await (const _ of createInterface({ input: process.stdin })) {
    const [version, told] = [await browser.version(), await page.evaluate(testimony)];
    say("told", { version, told, participant: await participant() });
  }
} finally {
  await close();
}
