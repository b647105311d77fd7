// A commune whose network becomes another in the middle of a conference stands still for a moment only.

import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";

import { NO_NAMESPACES } from "../lib/namespace.mjs";
import { longestStandstill, noteMoves } from "../lib/standstill.mjs";
import { passing, until } from "../lib/until.mjs";
import { Visitor } from "../lib/visitor.mjs";
import { World } from "../lib/world.mjs";

/**
 * Longest standstill. Usually it is 1.8 s where UDP is blocked and 1.5 s with a new address. Without a frame of its own
 * for the fresh connection the latter is 2.1 s, because Chromium looks at its networks anew after 2 s; without the page's
 * own looks it is 16 s. The rest is for a busy machine.
 */
const LIMIT_MS = 6_000;

describe("a commune whose network changes", { timeout: 120_000, skip: NO_NAMESPACES }, () => {
  const world = new World();
  let network, commune, participant;

  before(async () => {
    network = world.namespace();
    await world.start({ DINH_MEDIA__ADVERTISE: `["127.0.0.1","${network.gateway}"]` });
    await world.hall();
    const browser = await world.browser({ namespace: network });
    // With leave to use the devices Chromium binds its sockets to one address each, and a new address breaks them.
    const context = await browser.newContext({ permissions: ["camera", "microphone"] });
    commune = await Visitor.at(context, world.server.at(network.gateway, world.server.links.commune));
    await commune.press("Join and watch");
    await commune.sees(["hall"]);
    await commune.page.evaluate(noteMoves);
    participant = await commune.about("participant");
  });
  afterEach(() => network.mend());
  after(() => world.end());

  /** How long the picture stands still when `change` happens. */
  async function standstill(change) {
    await commune.sees(["hall"]);
    await passing(2_000);
    const since = await commune.page.evaluate(() => performance.now());
    change();
    await passing(2_000);
    await commune.sees(["hall"], { seconds: 30 });
    await commune.hears(["hall"]);
    assert.equal(await commune.about("participant"), participant);
    return commune.page.evaluate(longestStandstill, since);
  }

  /** What the media comes over. */
  async function protocol() {
    const entries = await commune.page.evaluate(() => globalThis.__dinh.stats());
    const by = new Map(entries.map((entry) => [entry.id, entry]));
    const { selectedCandidatePairId } = entries.find(({ type }) => type === "transport") ?? {};
    return by.get(by.get(selectedCandidatePairId)?.localCandidateId)?.protocol;
  }

  it("has the picture again soon after it got another address", async (t) => {
    const stood = await standstill(() => network.readdress());
    t.diagnostic(`the picture stood still for ${stood} ms`);
    assert.ok(stood <= LIMIT_MS, `${stood} ms`);
  });

  it("has the picture again over TCP soon after UDP was blocked, and over UDP when that works again", async (t) => {
    assert.equal(await protocol(), "udp");
    const stood = await standstill(() => network.cutUdp());
    t.diagnostic(`the picture stood still for ${stood} ms`);
    assert.ok(stood <= LIMIT_MS, `${stood} ms`);
    assert.equal(await protocol(), "tcp");
    network.mend();
    await until("it is back over UDP", async () => (await protocol()) === "udp", { seconds: 30 });
    await commune.sees(["hall"]);
  });

  it("ran without a failing script", () => commune.wasWell());
});
