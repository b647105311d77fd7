// A simulated site and a real Chromium watch the same hall at the same time: what the load test
// reports of its site is what the browser counts.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { LoadTest } from "../lib/loadtest.mjs";
import { passing, until } from "../lib/until.mjs";
import { World } from "../lib/world.mjs";

/** The clip repeats after 8 s: over whole rounds its rate is the same wherever one begins. */
const ROUND_SECONDS = 8;
/** How long both watch; the browser's round lies within. */
const WATCHED_SECONDS = 2 * ROUND_SECONDS;
/** Frames and packets a second may differ by so much. */
const TOLERANCE = 0.1;
/** A join that takes longer is not what a person would call joining. */
const LONG_JOIN_MS = 5_000;
/** Jitter below this is the computer's, whose cores many programs share. */
const QUIET_MS = 5;

describe("a simulated site", { timeout: 120_000 }, () => {
  const world = new World();
  let run, page, browser, simulated;

  before(async () => {
    await world.start();
    // The load test is the hall, with one layer: both viewers can only get the same.
    run = await LoadTest.start(world.server, {
      sites: 1, layers: "m", "audio-frame": 20, duration: `${WATCHED_SECONDS}s`,
    });
    await until("the hall is there", async () => {
      run.runs();
      const all = await world.server.rest("/conferences/demo/participants");
      return all.some(({ role, state }) => role === "hall" && state === "present");
    });
    page = await world.visit(await world.browser(), world.server.links.commune);
    await page.press("Join and watch");
    const joined = await page.firstFrame();
    browser = await rates(page);
    browser.joined = joined;
    simulated = await run.report();
  });
  after(async () => {
    await run?.stop();
    await world.end();
  });

  it("receives as many packets, bytes and frames a second as Chromium", (t) => {
    const seconds = simulated.scenario.durationSeconds;
    const { video, audio } = simulated.media;
    for (const [what, theirs, ours] of [
      ["frames of the picture a second", browser.video.frames, video.framesPerSecond.p50],
      ["packets of the picture a second", browser.video.packets, video.received / seconds],
      ["bytes of the picture a second", browser.video.bytes, video.bytes / seconds],
      ["packets of the sound a second", browser.audio.packets, audio.received / seconds],
      ["bytes of the sound a second", browser.audio.bytes, audio.bytes / seconds],
    ]) {
      t.diagnostic(`${what}: Chromium ${theirs.toFixed(1)}, simulated ${ours.toFixed(1)}`);
      assert.ok(Math.abs(theirs - ours) <= TOLERANCE * theirs, `${what}: ${theirs} and ${ours}`);
    }
  });

  it("loses nothing where Chromium loses nothing", () => {
    assert.deepEqual([browser.video.lost, browser.audio.lost], [0, 0]);
    const { video, audio } = simulated.media;
    assert.deepEqual([video.lostAfterRepair, audio.lostAfterRepair], [0, 0]);
  });

  it("sees a jitter of the same order as Chromium", (t) => {
    for (const kind of ["video", "audio"]) {
      const figures = [browser[kind].jitter, simulated.media[kind].jitter.max];
      t.diagnostic(`jitter of ${kind}, ms: ${figures.map((ms) => ms.toFixed(2)).join(" and ")}`);
      const [less, more] = figures.map((ms) => Math.max(ms, QUIET_MS)).sort((a, b) => a - b);
      assert.ok(more <= 10 * less, `jitter of ${kind}: ${figures}`);
    }
  });

  it("joins in about the time of Chromium", (t) => {
    const ours = simulated.join.total.max;
    t.diagnostic(`until the first picture, ms: Chromium ${browser.joined}, simulated ${ours}`);
    // The browser also has a page to draw and a decoder to start; both wait for a keyframe.
    assert.ok(ours <= LONG_JOIN_MS && browser.joined <= LONG_JOIN_MS, `${browser.joined} and ${ours}`);
    assert.ok(ours <= browser.joined + 2_000, `${browser.joined} and ${ours}`);
  });
});

/** What Chromium receives a second, over one round of the clip; jitter in milliseconds. */
async function rates(visitor) {
  const first = await visitor.traffic();
  await passing(ROUND_SECONDS * 1_000);
  const last = await visitor.traffic();
  const seconds = (last.at - first.at) / 1_000;
  const of = (kind) => {
    const total = (traffic, count) => traffic[kind].reduce((sum, slot) => sum + (count(slot) ?? 0), 0);
    const grown = (count) => total(last, count) - total(first, count);
    return {
      // What was sent again, or only to probe the line, is not of the stream itself.
      packets: grown((slot) => slot.packetsReceived - (slot.retransmittedPacketsReceived ?? 0)) / seconds,
      bytes:
        grown((slot) => slot.bytesReceived + slot.headerBytesReceived - (slot.retransmittedBytesReceived ?? 0)) / seconds,
      frames: grown((slot) => slot.framesReceived) / seconds,
      lost: total(last, (slot) => slot.packetsLost),
      jitter: Math.max(...last[kind].filter((slot) => slot.packetsReceived > 0).map((slot) => slot.jitter * 1_000)),
    };
  };
  return { video: of("video"), audio: of("audio") };
}
