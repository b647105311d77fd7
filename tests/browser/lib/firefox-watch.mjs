// A visitor in Firefox, as a program: firefox-watch.mjs LINK PHOTOGRAPH [PREFERENCES [ROOT]]
//
// Runs inside a network namespace, because Firefox connects to no server on 127.0.0.1 and its
// driver is reached on the loopback interface. Joins, watches, asks for the floor and speaks as soon
// as somebody gives it; prints one JSON object with what was seen, heard and sent, and by what. `PREFERENCES`
// are further ones, as JSON, and `ROOT` the file of an authority that it is to trust.

import { CODE, SOURCES } from "./clip.mjs";
import { launchFirefox, speakEnglish } from "./firefox.mjs";
import { pictures, traffic } from "./senses.mjs";
import { spy } from "./spy.mjs";
import { passing, until } from "./until.mjs";

/**
 * The rate is counted over so long, and again until it is `ENOUGH` or all windows are over; twice at
 * least, because a page may take some seconds to think that a picture has stopped.
 */
const WINDOW_MS = 4_000;
const LEAST_WINDOWS = 2;
const WINDOWS = 6;
const ENOUGH = 20;

/** Over so long the packets of sound that it sends are counted. */
const SPEECH_MS = 4_000;

const [link, photograph, preferences = "{}", root] = process.argv.slice(2);

const firefox = await launchFirefox(JSON.parse(preferences), root);
const { browser } = firefox;

try {
  const page = await browser.newPage();
  await page.setViewport({ width: 1280, height: 800 });
  const faults = [];
  page.on("pageerror", (error) => faults.push(error.stack ?? `${error}`));
  await page.evaluateOnNewDocument(spy);
  await page.evaluateOnNewDocument(speakEnglish);
  await page.goto(link);
  const join = await page.waitForSelector("button::-p-text(Join and watch)");
  const clicked = Date.now();
  await join.click();
  await until(
    "the hall's picture",
    async () => (await page.evaluate(pictures, { code: CODE })).some(({ code }) => code?.source === SOURCES.hall.number),
    { seconds: 20 },
  );
  const took = Date.now() - clicked;
  const windows = [];
  do windows.push(await watch(page));
  while (windows.length < LEAST_WINDOWS || (windows.at(-1).rate < ENOUGH && windows.length < WINDOWS));
  await page.screenshot({ path: photograph });
  const isPlaying = await page.evaluate(() =>
    [...document.querySelectorAll("audio")].every((audio) => !audio.paused && !audio.muted && audio.currentTime > 0),
  );
  const audioPackets = await speak(page);
  const { remoteDescriptions } = await page.evaluate(() => ({ ...globalThis.__seen, peers: null }));
  const [version, { by, port }] = [await browser.version(), await way(page)];
  console.log(JSON.stringify({ version, by, port, took, windows, isPlaying, audioPackets, remoteDescriptions, faults }));
} finally {
  await firefox.close();
}

/** What the media comes over, and the port that it comes from. */
function way(page) {
  return page.evaluate(async () => {
    const entries = await globalThis.__dinh.stats();
    const pair = entries.find(({ type, selected }) => type === "candidate-pair" && selected);
    const local = entries.find(({ id }) => id === pair?.localCandidateId);
    const remote = entries.find(({ id }) => id === pair?.remoteCandidateId);
    return { by: local?.relayProtocol || local?.protocol, port: remote?.port };
  });
}

/** Packets of sound a second that it sends once it has the floor. */
async function speak(page) {
  const ask = await page.waitForSelector("button::-p-text(Ask for the floor)");
  await ask.click();
  await page.waitForSelector("::-p-text(You are on air)", { timeout: 20_000 });
  const sent = ({ sent }) => sent.filter(({ kind }) => kind === "audio").reduce((sum, { packetsSent }) => sum + packetsSent, 0);
  await until("sound is sent", async () => sent(await page.evaluate(traffic)) > 0);
  const before = await page.evaluate(traffic);
  await passing(SPEECH_MS);
  const after = await page.evaluate(traffic);
  return ((sent(after) - sent(before)) * 1000) / (after.at - before.at);
}

/** One window: frames decoded a second, different frame numbers read, energy and samples of sound. */
async function watch(page) {
  const before = await page.evaluate(traffic);
  const frames = new Set();
  const end = Date.now() + WINDOW_MS;
  while (Date.now() < end) {
    const [hall] = await page.evaluate(pictures, { code: CODE });
    if (hall?.code) frames.add(hall.code.frame);
    await passing(100);
  }
  const after = await page.evaluate(traffic);
  const gained = (kind, field) => {
    const sum = (all) => all[kind].reduce((total, slot) => total + (slot[field] ?? 0), 0);
    return sum(after) - sum(before);
  };
  return {
    rate: (gained("video", "framesDecoded") * 1000) / (after.at - before.at),
    frames: frames.size,
    energy: gained("audio", "totalAudioEnergy"),
    samples: gained("audio", "totalSamplesReceived"),
    concealed: gained("audio", "concealedSamples") - gained("audio", "silentConcealedSamples"),
  };
}
