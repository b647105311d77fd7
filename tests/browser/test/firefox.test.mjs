// A commune with Firefox.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { NO_NAMESPACES } from "../lib/namespace.mjs";
import { World } from "../lib/world.mjs";

const WATCH = fileURLToPath(new URL("../lib/firefox-watch.mjs", import.meta.url));
const ARTIFACTS = fileURLToPath(new URL("../../artifacts/", import.meta.url));
const SECONDS = 4;

describe("a commune with Firefox", { timeout: 90_000, skip: NO_NAMESPACES }, () => {
  const world = new World();
  let network, seen;

  before(async () => {
    network = world.namespace();
    await world.start({ DINH_MEDIA__ADVERTISE: `["127.0.0.1","${network.gateway}"]` });
    await world.hall();
    mkdirSync(ARTIFACTS, { recursive: true });
    const [program, ...words] = network.prefix;
    const link = world.server.at(network.gateway, world.server.links.commune);
    const watch = [process.execPath, WATCH, link, String(SECONDS), `${ARTIFACTS}site-firefox.png`];
    const { stdout } = await promisify(execFile)(program, [...words, ...watch], { timeout: 75_000 });
    seen = JSON.parse(stdout);
  });
  after(() => world.end());

  it("decodes the hall's video", (t) => {
    const frames = (traffic) => traffic.video.reduce((sum, { framesDecoded = 0 }) => sum + framesDecoded, 0);
    const rate = ((frames(seen.after) - frames(seen.before)) * 1000) / (seen.after.at - seen.before.at);
    t.diagnostic(`${seen.version}: ${rate.toFixed(1)} frames a second`);
    assert.ok(rate >= 20, `${rate} frames a second`);
  });

  it("shows frames that go on", () => {
    assert.ok(seen.frames >= 10, `${seen.frames} different frames read`);
  });

  it("hears the hall", () => {
    const received = seen.after.audio.reduce((sum, { totalSamplesReceived = 0 }) => sum + totalSamplesReceived, 0);
    assert.ok(received > 0);
    assert.ok(seen.levels.hall > -55, JSON.stringify(seen.levels));
    assert.ok(seen.levels.first < -75, JSON.stringify(seen.levels));
  });

  it("negotiates once, and no script fails", () => {
    assert.equal(seen.remoteDescriptions, 1);
    assert.deepEqual(seen.faults, []);
  });
});
