// The check of a line in Firefox, as a program: firefox-check.mjs LINK ROOT
//
// Runs inside a network namespace, as firefox-watch.mjs does. Opens the page of the check and prints as JSON what it
// says at the end, by its code.

import { launchFirefox, speakEnglish } from "./firefox.mjs";

/** Usually it is 15 to 25 s; the rest is for a busy machine. */
const PATIENCE_MS = 75_000;

const [link, root] = process.argv.slice(2);

const firefox = await launchFirefox({}, root);
try {
  const page = await firefox.browser.newPage();
  const faults = [];
  page.on("pageerror", (error) => faults.push(error.stack ?? `${error}`));
  await page.evaluateOnNewDocument(speakEnglish);
  await page.goto(link);
  await page.waitForSelector(".outcome .code strong", { timeout: PATIENCE_MS });
  const code = await page.evaluate(() => document.querySelector(".outcome .code strong").textContent);
  console.log(JSON.stringify({ code, version: await firefox.browser.version(), faults }));
} finally {
  await firefox.close();
}
