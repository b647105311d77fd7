// A commune whose line loses a fifth of everything hears the hall nevertheless.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { NO_NAMESPACES } from "../lib/namespace.mjs";
import { passing } from "../lib/until.mjs";
import { World } from "../lib/world.mjs";

/** What is lost each way, in percent. */
const LOST = 20;
/** Until the server and the page have noticed. */
const NOTICED_MS = 8_000;
/** Over so long it is counted. */
const HEARD_MS = 20_000;

describe("a commune whose line loses a fifth of all packets", { timeout: 120_000, skip: NO_NAMESPACES }, () => {
  const world = new World();
  let network, commune;

  before(async () => {
    network = world.namespace();
    await world.start({ DINH_MEDIA__ADVERTISE: `["127.0.0.1","${network.gateway}"]` });
    await world.hall();
    const browser = await world.browser({ namespace: network });
    commune = await world.visit(browser, world.server.links.commune, network.gateway);
    await commune.press("Join and watch");
    await commune.sees(["hall"]);
    await commune.hears(["hall"]);
  });
  after(() => world.end());

  it("makes up less than three hundredths of the sound", async (t) => {
    network.lose(LOST);
    await passing(NOTICED_MS);
    const before = await commune.traffic();
    await passing(HEARD_MS);
    const after = await commune.traffic();
    const sum = (traffic, field) => traffic.audio.reduce((total, slot) => total + (slot[field] ?? 0), 0);
    const gained = (field) => sum(after, field) - sum(before, field);
    const concealed = gained("concealedSamples") - gained("silentConcealedSamples");
    const total = gained("totalSamplesReceived");
    const [lost, received, asked] = ["packetsLost", "packetsReceived", "nackCount"].map(gained);
    const delay = (1_000 * gained("jitterBufferDelay")) / gained("jitterBufferEmittedCount");
    const bytes = gained("bytesReceived") / gained("packetsReceived");
    t.diagnostic(`${concealed} of ${total} samples made up; ${lost} lost beside ${received} packets of ${bytes.toFixed(0)} bytes`);
    t.diagnostic(`${asked} asked for again, ${gained("fecPacketsReceived")} carried by later ones, held back ${delay.toFixed(0)} ms`);
    assert.ok(total > 0.9 * 48 * HEARD_MS, "it is played");
    assert.ok(concealed < 0.03 * total, `${concealed} of ${total} samples made up`);
  });

  it("ran without a failing script", () => commune.wasWell());
});
