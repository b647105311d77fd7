// A commune whose network, WebSocket or page goes away is back as the same participant.

import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";

import { NO_NAMESPACES } from "../lib/namespace.mjs";
import { passing, until } from "../lib/until.mjs";
import { World } from "../lib/world.mjs";

/** How long the network is away. */
const OUTAGE_MS = 10_000;

describe("a commune that is lost", { timeout: 120_000, skip: NO_NAMESPACES }, () => {
  const world = new World();
  const SITE = "00004";
  let network, hall, commune, participant;

  before(async () => {
    network = world.namespace();
    await world.start({ DINH_MEDIA__ADVERTISE: `["127.0.0.1","${network.gateway}"]` });
    hall = await world.hall();
    const browser = await world.browser({ namespace: network });
    commune = await world.visit(browser, world.server.links.commune, network.gateway);
    await commune.press("Join and watch");
    await commune.sees(["hall"]);
    participant = await commune.about("participant");
  });
  afterEach(() => network.mend());
  after(() => world.end());

  async function isTheOnlyOne() {
    const present = await world.server.participantsOf(SITE);
    return present.length === 1 && present[0].participant === participant && present[0].state === "present";
  }

  it("is back as the same participant after 10 s without network", async (t) => {
    network.cutAll();
    await passing(OUTAGE_MS);
    const rates = Object.values(await commune.frameRates(1));
    assert.ok(rates.every((rate) => rate === 0), "nothing comes through while the network is away");
    network.mend();
    const mended = Date.now();
    await commune.sees(["hall"], { seconds: 20 });
    t.diagnostic(`the picture moved ${Date.now() - mended} ms after the network was back`);
    await commune.hears(["hall"]);
    await until("it is present, without a ghost", isTheOnlyOne, { seconds: 20 });
    assert.equal(await commune.about("participant"), participant);
    assert.equal(await commune.remoteDescriptions(), 1);
  });

  it("keeps seeing the hall while its WebSocket is away, and gets it back", async () => {
    await until("its WebSocket is open", async () => (await commune.about("link")) === "open");
    network.cutTcp(world.server.port);
    await until("the page notices", async () => (await commune.about("link")) !== "open", { seconds: 20 });
    const rates = await commune.frameRates(2);
    assert.ok(Math.max(...Object.values(rates)) >= 5, `the picture goes on: ${JSON.stringify(rates)}`);
    network.mend();
    await until("the WebSocket is back", async () => (await commune.about("link")) === "open", { seconds: 20 });
    await until("it is present, without a ghost", isTheOnlyOne);
    assert.equal(await commune.about("participant"), participant);
    assert.equal(await commune.remoteDescriptions(), 1);
  });

  it("is back as the same participant after a reload, without a click", async () => {
    await commune.page.reload();
    await commune.sees(["hall"]);
    assert.equal(await commune.about("participant"), participant);
    assert.equal(await commune.remoteDescriptions(), 1);
    await until("it is present, without a ghost", isTheOnlyOne);
  });

  it("sees the hall over TCP where UDP is blocked", async () => {
    network.cutUdp();
    await commune.page.reload();
    await commune.sees(["hall"], { seconds: 30 });
    assert.equal(await commune.about("participant"), participant);
  });

  it("is back with the hall after the server was killed and started again", async (t) => {
    const hallBefore = await hall.about("participant");
    await world.server.crash();
    const started = Date.now();
    await commune.sees(["hall"], { seconds: 30 });
    const took = Date.now() - started;
    t.diagnostic(`the picture moved ${took} ms after the server was there again`);
    assert.ok(took <= 5_000, `${took} ms: the pages do not wait for ICE to fail`);
    assert.equal(await commune.about("participant"), participant);
    assert.equal(await hall.about("participant"), hallBefore);
    await until("it is present, without a ghost", isTheOnlyOne);
  });

  it("is back with the hall after the server was upgraded", async (t) => {
    const hallBefore = await hall.about("participant");
    await world.server.restart();
    const started = Date.now();
    await commune.sees(["hall"], { seconds: 30 });
    const took = Date.now() - started;
    t.diagnostic(`the picture moved ${took} ms after the server was there again`);
    assert.ok(took <= 5_000, `${took} ms: the pages are told to come back at once`);
    assert.equal(await commune.about("participant"), participant);
    assert.equal(await hall.about("participant"), hallBefore);
    await until("it is present, without a ghost", isTheOnlyOne);
  });

  it("ran without a failing script", () => commune.wasWell());
});
