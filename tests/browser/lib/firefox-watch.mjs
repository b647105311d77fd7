// A visitor in Firefox, as a program: firefox-watch.mjs LINK SECONDS
//
// Runs inside a network namespace, because Firefox connects to no server on 127.0.0.1 and its
// driver is reached on the loopback interface. Joins, watches, and prints one JSON object with what
// was seen and heard.

import puppeteer from "puppeteer-core";

import { CODE, SOURCES } from "./clip.mjs";
import { loudness, pictures, traffic } from "./senses.mjs";
import { spy } from "./spy.mjs";
import { passing, until } from "./until.mjs";

const [link, seconds, photograph] = process.argv.slice(2);

const browser = await puppeteer.launch({
  browser: "firefox",
  executablePath: "/usr/bin/firefox-esr",
  headless: true,
  extraPrefsFirefox: {
    "media.peerconnection.ice.obfuscate_host_addresses": false,
    // Nothing but the page: no updates, no plug-in downloads, no probes of the network.
    "media.gmp-manager.updateEnabled": false,
    "media.gmp-gmpopenh264.enabled": false,
    "network.captive-portal-service.enabled": false,
    "network.connectivity-service.enabled": false,
    "app.update.enabled": false,
    "extensions.update.enabled": false,
    "datareporting.policy.dataSubmissionEnabled": false,
    "browser.safebrowsing.provider.google4.updateURL": "",
    "services.settings.server": "http://127.0.0.1:9/",
  },
});

try {
  const page = await browser.newPage();
  await page.setViewport({ width: 1280, height: 800 });
  const faults = [];
  page.on("pageerror", (error) => faults.push(`${error}`));
  await page.evaluateOnNewDocument(spy);
  await page.evaluateOnNewDocument(() => localStorage.setItem("dinh.language", "en"));
  await page.goto(link);
  const join = await page.waitForSelector("::-p-text(Join and watch)");
  await join.click();
  await until(
    "the hall's picture",
    async () => (await page.evaluate(pictures, { code: CODE })).some(({ code }) => code?.source === SOURCES.hall.number),
    { seconds: 20 },
  );
  const before = await page.evaluate(traffic);
  const frames = new Set();
  const end = Date.now() + Number(seconds) * 1000;
  while (Date.now() < end) {
    const [hall] = await page.evaluate(pictures, { code: CODE });
    if (hall?.code) frames.add(hall.code.frame);
    await passing(100);
  }
  const after = await page.evaluate(traffic);
  const pitches = Object.fromEntries(Object.entries(SOURCES).map(([name, { pitch }]) => [name, pitch]));
  const levels = await page.evaluate(loudness, { pitches, milliseconds: 1_500 });
  if (photograph) await page.screenshot({ path: photograph });
  const { remoteDescriptions } = await page.evaluate(() => ({ ...globalThis.__seen, peers: null }));
  console.log(
    JSON.stringify({ version: await browser.version(), before, after, frames: frames.size, levels, remoteDescriptions, faults }),
  );
} finally {
  await browser.close();
}
