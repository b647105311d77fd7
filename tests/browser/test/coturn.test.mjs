// A commune that reaches nothing but a relay of its own, coturn of Debian, comes through that.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { NO_COTURN, startCoturn } from "../lib/coturn.mjs";
import { NO_NAMESPACES } from "../lib/namespace.mjs";
import { watches } from "../lib/part.mjs";
import { Visitor } from "../lib/visitor.mjs";
import { World } from "../lib/world.mjs";

const SECRET = "a-secret-that-coturn-and-the-server-share";

/** Has the page come through relays alone. */
function relayed() {
  const Real = globalThis.RTCPeerConnection;
  globalThis.RTCPeerConnection = class extends Real {
    constructor(configuration) {
      super({ ...configuration, iceTransportPolicy: "relay" });
    }
  };
}

describe("a commune with a relay of its own", { timeout: 120_000, skip: NO_NAMESPACES || NO_COTURN }, () => {
  const world = new World();
  let network, relay;

  before(async () => {
    network = world.namespace();
    relay = await startCoturn(world.directory, network.gateway, SECRET);
    world.later(() => relay.stop());
    await world.start({
      DINH_MEDIA__ADVERTISE: `["127.0.0.1","${network.gateway}"]`,
      DINH_MEDIA__TURN: "false",
      DINH_MEDIA__ICE_SERVERS: `[{url="turn:${network.gateway}:${relay.port}?transport=udp",secret="${SECRET}"}]`,
    });
    await world.hall();
  });
  after(() => world.end());

  it("sees and hears the hall through it, by a name and a password of its own", async (t) => {
    const browser = await world.browser({ namespace: network });
    const context = await browser.newContext({ permissions: ["camera", "microphone"] });
    await context.addInitScript(relayed);
    const commune = await Visitor.at(context, world.server.at(network.gateway, world.server.links.commune));
    const took = await watches(commune);
    const { by, relay: url } = await commune.way();
    t.diagnostic(`a picture after ${took} ms through ${url}`);
    assert.equal(by, "udp");
    assert.equal(url, `turn:${network.gateway}:${relay.port}?transport=udp`);
    const participant = await commune.about("participant");
    const [{ username }] = await commune.page.evaluate(() => globalThis.__seen.peers[0].getConfiguration().iceServers);
    assert.match(username, new RegExp(`^\\d+:${participant}$`, "u"));
    commune.wasWell();
  });
});
