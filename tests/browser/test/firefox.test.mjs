// A commune with Firefox.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { NO_NAMESPACES } from "../lib/namespace.mjs";
import { until } from "../lib/until.mjs";
import { World } from "../lib/world.mjs";

const WATCH = fileURLToPath(new URL("../lib/firefox-watch.mjs", import.meta.url));
const ARTIFACTS = fileURLToPath(new URL("../../artifacts/", import.meta.url));

describe("a commune with Firefox", { timeout: 120_000, skip: NO_NAMESPACES }, () => {
  const world = new World();
  let network, seen, last;

  before(async () => {
    network = world.namespace();
    await world.start({ DINH_MEDIA__ADVERTISE: `["127.0.0.1","${network.gateway}"]` });
    await world.hall();
    mkdirSync(ARTIFACTS, { recursive: true });
    const [program, ...words] = network.prefix;
    const link = world.server.at(network.gateway, world.server.links.commune);
    const watch = [process.execPath, WATCH, link, `${ARTIFACTS}site-firefox.png`];
    const [{ stdout }] = await Promise.all([
      promisify(execFile)(program, [...words, ...watch], { timeout: 100_000 }),
      giveTheFloor(),
    ]);
    seen = JSON.parse(stdout);
    last = seen.windows.at(-1);
  });
  after(() => world.end());

  async function giveTheFloor() {
    const asking = await until(
      "Firefox asks for the floor",
      async () => (await world.server.participantsOf("00004")).find(({ floor }) => floor === "waiting"),
      { seconds: 90 },
    );
    await world.server.rest("/conferences/demo/floor/grant", "POST", { participant: asking.participant });
  }

  it("decodes the hall's video", (t) => {
    t.diagnostic(`${seen.version}: ${last.rate.toFixed(1)} frames a second`);
    assert.ok(last.rate >= 20, JSON.stringify(seen.windows));
  });

  it("shows frames that go on", () => {
    assert.ok(last.frames >= 3, `${last.frames} different frame numbers read`);
  });

  it("hears the hall", () => {
    assert.ok(seen.isPlaying, "the page plays its sound");
    assert.ok(last.energy > 0.01, `energy ${last.energy}`);
    assert.ok(last.concealed < 0.1 * last.samples, `${last.concealed} of ${last.samples} samples concealed`);
  });

  it("sends frames of 60 ms, as a conference of the whole country asks it to", (t) => {
    t.diagnostic(`${seen.audioPackets.toFixed(1)} packets of sound a second`);
    assert.ok(seen.audioPackets > 13 && seen.audioPackets < 21, `${seen.audioPackets} packets a second`);
  });

  it("negotiates once, and no script fails", () => {
    assert.equal(seen.remoteDescriptions, 1);
    assert.deepEqual(seen.faults, []);
  });
});
