// Communes behind firewalls of every kind see and hear the conference and speak in it, by whatever passes.
//
// The server is in a network of its own, on port 443 as people run it, and on a port above 1023 where browsers
// take ICE-TCP at private addresses too. With REACH_DOCUMENT, which names a file, the table is written there.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { after, afterEach, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { ANYBODY, certificateFor, rootIn } from "../lib/certificate.mjs";
import { NO_NAMESPACES } from "../lib/namespace.mjs";
import { speaks, watches } from "../lib/part.mjs";
import { NO_PROXY, startProxy } from "../lib/proxy.mjs";
import { until } from "../lib/until.mjs";
import { Visitor } from "../lib/visitor.mjs";
import { World } from "../lib/world.mjs";

const FIREFOX = fileURLToPath(new URL("../lib/firefox-watch.mjs", import.meta.url));
const ARTIFACTS = fileURLToPath(new URL("../../artifacts/", import.meta.url));

/** Firefox takes TURN inside TLS at names alone. */
const NAME = "hop.test";

/** From the click to the picture. The usual is below 2 s; this is what is promised. */
const FIRST_PICTURE_MS = 4_000;

/** A commune for each set-up, so that none is taken for another's second device. */
const SITES = ["00004", "00008", "00025", "00070", "00073", "00091", "00097", "00103", "00127", "00190", "00367", "00376"];

/** What a row of the table says of a way. */
const WAYS = { udp: "UDP", tcp: "ICE-TCP", tls: "TURN inside TLS" };

/** Whatever is inside TLS comes by the port of the pages. */
const placeOf = ({ by, port }) => (by === "tls" || port === 443 ? "at 443" : "at a media port");

const rows = [];

function table() {
  const head = ["| what passes | browser | media comes by | first picture |", "|---|---|---|---|"];
  const body = rows.map(({ title, name, way, took }) => `| ${title} | ${name} | ${WAYS[way.by]} ${placeOf(way)} | ${took.toFixed(1)} s |`);
  return [...head, ...body].join("\n");
}

describe("a commune behind a firewall", { timeout: 600_000, skip: NO_NAMESPACES }, () => {
  const world = new World();
  let home, hall, proxy, commune, network;

  before(async () => {
    home = world.namespace();
    const networks = ["private", "public", "ipv6"].map((kind) => [kind, world.namespace({ kind, beside: home })]);
    network = Object.fromEntries(networks);
    for (const one of [network.private, network.public]) one.call(NAME);
    const gateways = networks.map(([, { gateway }]) => gateway);
    await world.start(
      {
        ...certificateFor(world.directory, [NAME, home.address, ...gateways]),
        DINH_HTTP__LISTEN: "[::]:443",
        DINH_MEDIA__ADVERTISE: JSON.stringify([...gateways, home.address]),
        DINH_MEDIA__SHARED_UDP_PORT: "443",
        DINH_MEDIA__SHARDS: "2",
      },
      home,
    );
    const browser = await world.browser({ source: "hall", args: [ANYBODY] });
    hall = await world.visit(browser, world.server.links.hall, home.address);
    await hall.press("Join the conference");
    await hall.reads("On air");
  });
  afterEach(async () => {
    commune?.wasWell();
    await commune?.page.context().browser().close();
    commune = undefined;
    for (const one of Object.values(network)) one.mend();
  });
  after(async () => {
    proxy?.stop();
    await world.end();
    if (process.env.REACH_DOCUMENT) writeFileSync(process.env.REACH_DOCUMENT, described());
  });

  /** Takes part from a network; returns what the media comes by. */
  async function takesPart(t, title, from, args = []) {
    const browser = await world.browser({ source: "first", namespace: from, args: [ANYBODY, ...args] });
    const context = await browser.newContext({ permissions: ["camera", "microphone"] });
    const site = SITES[rows.length];
    const host = from.gateway.includes(":") ? `[${from.gateway}]` : from.gateway;
    commune = await Visitor.at(context, world.server.at(host, await world.server.linkOf(site)));
    const took = await watches(commune);
    const way = await commune.way();
    t.diagnostic(`a picture by ${way.by} from port ${way.port} after ${took} ms`);
    t.diagnostic((await commune.steps()).join("; "));
    rows.push({ title, name: "Chromium", way, took: took / 1_000 });
    await speaks(commune, hall, site, (...asked) => world.server.rest(...asked));
    assert.ok(took <= FIRST_PICTURE_MS, `${took} ms`);
    return way;
  }

  /** The same with Firefox, which says itself what it saw, heard and sent. */
  async function takesPartInFirefox(t, title, from) {
    const site = SITES[rows.length];
    const link = world.server.at(NAME, await world.server.linkOf(site));
    mkdirSync(ARTIFACTS, { recursive: true });
    const [program, ...words] = from.prefix;
    const watch = [FIREFOX, link, `${ARTIFACTS}reach-firefox-${site}.png`, "{}", rootIn(world.directory)];
    const giveTheFloor = async () => {
      const asks = async () => (await world.server.participantsOf(site)).find(({ floor }) => floor === "waiting");
      const { participant } = await until("Firefox asks for the floor", asks, { seconds: 90 });
      await world.server.rest("/conferences/demo/floor/grant", "POST", { participant });
    };
    const [{ stdout }] = await Promise.all([
      promisify(execFile)(program, [...words, process.execPath, ...watch], { timeout: 110_000 }),
      giveTheFloor(),
    ]);
    const { version, took, windows, audioPackets, faults, by, port } = JSON.parse(stdout);
    t.diagnostic(`${version}: a picture by ${by} from port ${port} after ${took} ms`);
    const { frames, energy } = windows.at(-1);
    assert.ok(frames >= 3, `${frames} different frame numbers read`);
    assert.ok(energy > 0.01, `energy ${energy}`);
    assert.ok(audioPackets > 10, `${audioPackets} packets of sound a second`);
    assert.deepEqual(faults, []);
    rows.push({ title, name: "Firefox", way: { by, port }, took: took / 1_000 });
    assert.ok(took <= FIRST_PICTURE_MS, `${took} ms`);
    return { by, port };
  }

  it("comes by UDP where that passes", async (t) => {
    const { by } = await takesPart(t, "everything", network.private);
    assert.equal(by, "udp");
  });

  it("comes by ICE-TCP where UDP is blocked", async (t) => {
    network.private.cutUdp();
    const { by } = await takesPart(t, "TCP to any port", network.private);
    assert.equal(by, "tcp");
  });

  it("comes by UDP 443 where no other UDP passes", async (t) => {
    network.public.passOnly(443, { udp: 443 });
    const way = await takesPart(t, "UDP and TCP to 443, the server at a public address", network.public);
    assert.deepEqual([way.by, way.port], ["udp", 443]);
  });

  it("comes by ICE-TCP at 443 of a public address where nothing else passes", async (t) => {
    network.public.passOnly(443);
    const way = await takesPart(t, "TCP to 443, the server at a public address", network.public);
    assert.deepEqual([way.by, way.port], ["tcp", 443]);
  });

  it("comes by TURN inside TLS at 443 of a private address where nothing else passes", async (t) => {
    network.private.passOnly(443);
    network.private.cutHost(network.public.gateway);
    const { by } = await takesPart(t, "TCP to 443, the server at a private address", network.private);
    assert.equal(by, "tls");
  });

  it("comes by TURN inside TLS where what is no TLS is cut", async (t) => {
    network.public.passOnly(443);
    network.public.cutStun();
    const { by } = await takesPart(t, "TCP to 443 that begins like TLS", network.public);
    assert.equal(by, "tls");
  });

  it("comes by TURN inside TLS through a proxy that knows CONNECT", { skip: NO_PROXY }, async (t) => {
    const { gateway } = network.private;
    proxy = await startProxy(world.directory, 443, home);
    network.private.passOnly(proxy.port);
    network.private.cutStun();
    const through = [`--proxy-server=http://${gateway}:${proxy.port}`];
    const { by } = await takesPart(t, "an HTTP proxy with CONNECT", network.private, through);
    assert.equal(by, "tls");
  });

  it("comes over IPv6 alone", async (t) => {
    const { by } = await takesPart(t, "IPv6 alone", network.ipv6);
    assert.equal(by, "udp");
  });

  it("comes over IPv6 alone by TLS at 443 where nothing else passes", async (t) => {
    network.ipv6.passOnly(443);
    const { by } = await takesPart(t, "IPv6 alone, TCP to 443, the server at a private address", network.ipv6);
    assert.equal(by, "tls");
  });

  it("comes in Firefox by UDP where that passes", async (t) => {
    const { by } = await takesPartInFirefox(t, "everything", network.private);
    assert.equal(by, "udp");
  });

  it("comes in Firefox by ICE-TCP where UDP is blocked", async (t) => {
    network.private.cutUdp();
    const { by } = await takesPartInFirefox(t, "TCP to any port", network.private);
    assert.equal(by, "tcp");
  });

  it("comes in Firefox by TURN inside TLS where what is no TLS is cut", async (t) => {
    network.public.passOnly(443);
    network.public.cutStun();
    const { by } = await takesPartInFirefox(t, "TCP to 443 that begins like TLS", network.public);
    assert.equal(by, "tls");
  });
});

function described() {
  return `# Ways through firewalls

Written by \`make test-reach\`. In each of these networks a real browser opened a link by TLS at port 443, saw and heard the hall, asked for the floor, and was seen and heard there (of Firefox it is counted what it sends). The time is from the click on the button to the first picture. The server told its own media ports, UDP 443 (\`media.shared_udp_port\`) and the port of the pages.

${table()}
`;
}
