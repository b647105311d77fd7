// The check of a line in a real browser, behind lines that are broken in one way each: it names what is broken.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { ANYBODY, certificateFor, rootIn } from "../lib/certificate.mjs";
import { silence } from "../lib/clip.mjs";
import { Line } from "../lib/line.mjs";
import { NO_NAMESPACES } from "../lib/namespace.mjs";
import { Server } from "../lib/server.mjs";
import { Visitor } from "../lib/visitor.mjs";
import { World } from "../lib/world.mjs";

/** Usually it is 12 to 20 s; the rest is for a busy machine. */
const PATIENCE_SECONDS = 75;

const FIREFOX = fileURLToPath(new URL("../lib/firefox-check.mjs", import.meta.url));

/** Firefox takes TURN inside TLS at names alone. */
const NAME = "hop.test";

/** Whoever is asked says no. */
const DENIED = "--use-fake-ui-for-media-stream=deny";
/** Of the make-believe devices the camera is left out; the microphone is there. */
const NO_CAMERA = "--use-fake-device-for-media-stream=device-count=0";

/** Runs in the page before its own scripts: this machine is an hour behind. */
function beBehind() {
  const { now } = Date;
  Date.now = () => now() - 3_600_000;
}

/** Runs in the page: what the server answers an administrator. */
async function ask({ path, token }) {
  const response = await fetch(`/api/v1${path}`, { headers: { authorization: `Bearer ${token}` } });
  return response.json();
}

/** Where checks are made at the same time: of each site the server keeps the last one. Most of what one takes is waiting. */
const SITES = ["00004", "00008", "00025"];

/** A line of its own, the network behind it, a browser there with the link of a site, and whoever looks at the page. */
class Lane {
  link;
  line;
  network;
  browser;
  visitor;

  static async open(directory) {
    const lane = new Lane();
    lane.line = await Line.open(directory);
    lane.network = lane.line.namespace;
    lane.network.call(NAME);
    return lane;
  }

  /** All is well again. */
  async clear() {
    await this.visitor?.page.context().close();
    this.visitor = undefined;
    this.network.mend();
    this.network.narrow(1_500);
    this.line.set({});
  }
}

describe("the check of a line", { timeout: 900_000, concurrency: SITES.length, skip: NO_NAMESPACES }, () => {
  const world = new World();
  const directory = mkdtempSync(join(tmpdir(), "dinh-check-"));
  const lanes = [];
  let token;

  before(async () => {
    for (const _ of SITES) lanes.push(await Lane.open(directory));
    world.later(async () => {
      for (const { line } of lanes) await line.close();
    });
    const gateways = lanes.map(({ network }) => network.gateway);
    await world.start({
      ...certificateFor(directory, [NAME, ...gateways, "127.0.0.1"]),
      DINH_MEDIA__ADVERTISE: JSON.stringify(["127.0.0.1", ...gateways]),
    });
    token = await world.server.token({ role: "admin" });
    for (const [index, lane] of lanes.entries()) {
      lane.browser = await world.browser({ namespace: lane.network, args: [ANYBODY] });
      lane.link = await world.server.linkOf(SITES[index]);
      lane.link.pathname = "/check";
    }
  });
  after(async () => {
    await world.end();
    rmSync(directory, { recursive: true, force: true });
  });

  /** One test, on whichever line is free. */
  function checks(name, test) {
    it(name, async (t) => {
      const lane = lanes.pop();
      try {
        await test(t, lane);
        lane.visitor?.wasWell();
      } finally {
        await lane.clear();
        lanes.push(lane);
      }
    });
  }

  /** Opens the page of the check, with the site's link or without one. */
  async function open(lane, { at = lane.browser, permissions = ["camera", "microphone"], script, hasLink = true } = {}) {
    const context = await at.newContext({ permissions });
    if (script) await context.addInitScript(script);
    const link = new URL(lane.link);
    if (!hasLink) link.hash = "";
    lane.visitor = await Visitor.at(context, world.server.at(lane.network.gateway, link), { seconds: PATIENCE_SECONDS });
  }

  /** What the page says at the end, and what it has measured. */
  async function outcome(t, { visitor }) {
    const code = await visitor.page.locator(".outcome .code strong").textContent();
    const sentence = await visitor.page.locator(".outcome .sentence").textContent();
    const colour = (await visitor.page.locator(".outcome").getAttribute("class")).match(/green|amber|red/u)?.[0];
    const [{ measured }] = await visitor.page.evaluate(ask, { path: `/checks?code=${code}`, token });
    t.diagnostic(`${code} (${colour}): ${JSON.stringify(measured)}`);
    return { code: code.split("-")[0], reference: code, colour, sentence, measured };
  }

  checks("finds all well where all is well, says so in a minute, and the operator finds it by its code", async (t, lane) => {
    const began = performance.now();
    await open(lane);
    const { code, colour, reference, measured } = await outcome(t, lane);
    const took = Math.round((performance.now() - began) / 1_000);
    t.diagnostic(`after ${took} s`);
    assert.deepEqual([code, colour], ["G1", "green"]);
    assert.ok(took < 60, `${took} s`);
    assert.ok(measured.upKilobitsPerSecond > 600 && measured.downKilobitsPerSecond > 600, JSON.stringify(measured));
    const operator = await Visitor.at(await lane.browser.newContext(), world.server.at(lane.network.gateway, world.server.links.operator), { seconds: 30 });
    await operator.page.getByRole("searchbox").fill(reference);
    await operator.reads(await lane.visitor.page.locator(".place").textContent());
    await operator.page.locator(".entry .line").first().click();
    await operator.reads(reference);
    operator.wasWell();
    await operator.page.context().close();
  });

  checks("adds camera and microphone when somebody lets it, under the same code", async (t, lane) => {
    await open(lane);
    const before = await outcome(t, lane);
    await lane.visitor.press("Try camera and microphone");
    await lane.visitor.page.getByText("camera: works, microphone: works").waitFor({ state: "attached" });
    const now = await outcome(t, lane);
    assert.equal(now.reference.split("-")[1], before.reference.split("-")[1]);
    assert.deepEqual([now.measured.camera, now.measured.microphone], ["works", "works"]);
  });

  checks("works without a link, for whoever cannot find it", async (t, lane) => {
    await open(lane, { hasLink: false });
    assert.equal((await outcome(t, lane)).code, "G1");
  });

  checks("finds blocked UDP", async (t, lane) => {
    lane.network.cutUdp();
    await open(lane);
    const { code, colour, measured } = await outcome(t, lane);
    assert.deepEqual([code, colour], ["U1", "amber"]);
    assert.deepEqual([measured.udp, measured.tcp, measured.means], [false, true, "tcp"]);
  });

  checks("finds that nothing but TLS passes", async (t, lane) => {
    lane.network.passOnly(world.server.port);
    lane.network.cutStun();
    await open(lane);
    const { colour, measured } = await outcome(t, lane);
    assert.equal(colour, "amber");
    assert.deepEqual([measured.udp, measured.tcp, measured.turn, measured.means], [false, false, true, "turn"]);
  });

  checks("finds that there is no camera, before anybody is asked", async (t, lane) => {
    await open(lane, { at: await world.browser({ namespace: lane.network, args: [ANYBODY, NO_CAMERA] }) });
    const { code, colour } = await outcome(t, lane);
    assert.deepEqual([code, colour], ["D1", "amber"]);
  });

  checks("finds that a fifth is lost", async (t, lane) => {
    await open(lane);
    // Before that the line is not measured; a page that does not load is another fault.
    await lane.visitor.page.locator("li.running", { hasText: "Loss" }).waitFor({ state: "attached" });
    lane.line.set({ loss_percent: 20 });
    const { code, colour } = await outcome(t, lane);
    assert.deepEqual([code, colour], ["L1", "red"]);
  });

  checks("finds a line of 200 kbit/s", async (t, lane) => {
    lane.line.set({ kbps: 200, queue: "300ms" });
    await open(lane);
    const { code, colour, measured } = await outcome(t, lane);
    assert.deepEqual([code, colour], ["R2", "amber"]);
    assert.ok(measured.upKilobitsPerSecond > 64 && measured.upKilobitsPerSecond < 260, JSON.stringify(measured));
    assert.ok(measured.lossUpPercent < 3 && measured.lossDownPercent < 3, JSON.stringify(measured));
  });

  checks("finds nothing amiss with packets of 1,280 bytes", async (t, lane) => {
    lane.network.narrow(1_280);
    await open(lane);
    assert.equal((await outcome(t, lane)).code, "G1");
  });

  checks("says so where the camera and the microphone are denied to the page", async (t, lane) => {
    await open(lane, { at: await world.browser({ namespace: lane.network, args: [ANYBODY, DENIED] }), permissions: [] });
    await outcome(t, lane);
    await lane.visitor.press("Try camera and microphone");
    await lane.visitor.page.locator(".outcome .code strong", { hasText: /^D5-/u }).waitFor();
    const { colour, measured } = await outcome(t, lane);
    assert.deepEqual([colour, measured.microphone], ["amber", "denied"]);
  });

  checks("says so where the microphone gives no sound at all", async (t, lane) => {
    const file = join(directory, "silence.wav");
    writeFileSync(file, silence());
    const args = [ANYBODY, `--use-file-for-fake-audio-capture=${file}`];
    await open(lane, { at: await world.browser({ namespace: lane.network, args }) });
    await outcome(t, lane);
    await lane.visitor.press("Try camera and microphone");
    await lane.visitor.page.locator(".outcome .code strong", { hasText: /^D7-/u }).waitFor();
    const { colour, measured } = await outcome(t, lane);
    assert.deepEqual([colour, measured.microphone], ["amber", "silent"]);
  });

  checks("finds all well in Firefox", async (t, lane) => {
    const [program, ...words] = lane.network.prefix;
    const check = [FIREFOX, world.server.at(NAME, lane.link), rootIn(directory)];
    const { stdout } = await promisify(execFile)(program, [...words, process.execPath, ...check], { timeout: 110_000 });
    const { code, version, faults } = JSON.parse(stdout);
    t.diagnostic(`${version}: ${code}`);
    assert.match(code, /^G1-/u);
    assert.deepEqual(faults, []);
  });

  checks("finds a clock that is an hour behind", async (t, lane) => {
    await open(lane, { script: beBehind });
    const { code, colour, measured } = await outcome(t, lane);
    assert.deepEqual([code, colour], ["C1", "red"]);
    assert.ok(Math.abs(measured.clockOffsetMs + 3_600_000) < 10_000, JSON.stringify(measured));
  });
});

describe("the check of a line to a server that is reached in no good way", { timeout: 300_000, concurrency: SITES.length, skip: NO_NAMESPACES }, () => {
  const world = new World();
  after(() => world.end());

  /**
   * What the page says where the server is like that, with a certificate for so many days; `cut` is told the network and
   * the port of the pages once the server is there, which is in a network of its own if `isApart`.
   */
  async function said(settings, { days, cut, isApart } = {}) {
    const home = isApart && world.namespace();
    const network = world.namespace(home && { beside: home });
    const files = mkdtempSync(join(world.directory, "certificate-"));
    const data = join(files, "data");
    mkdirSync(data);
    const certificate = certificateFor(files, [network.gateway, home ? home.address : "127.0.0.1"], { days });
    const advertise = JSON.stringify([network.gateway]);
    const server = await Server.start(data, { ...certificate, DINH_MEDIA__ADVERTISE: advertise, ...settings }, home || undefined);
    world.later(() => server.stop());
    cut?.(network, server.port);
    const browser = await world.browser({ namespace: network, args: [ANYBODY] });
    const link = new URL(server.links.commune);
    link.pathname = "/check";
    const visitor = await Visitor.at(await browser.newContext(), server.at(network.gateway, link), { seconds: PATIENCE_SECONDS });
    const code = await visitor.page.locator(".outcome .code strong").textContent();
    visitor.wasWell();
    await browser.close();
    return code;
  }

  it("says that clients are told a wrong address, and not that a firewall is in the way", async () => {
    assert.match(await said({ DINH_MEDIA__ADVERTISE: '["203.0.113.9"]' }), /^A1-/u);
  });

  it("says that the certificate has ended, if somebody goes on in spite of the browser", async () => {
    assert.match(await said({}, { days: -1 }), /^T1-/u);
  });

  it("says that no media passes, where nothing but the pages does", async () => {
    const cut = (network, port) => {
      network.passOnly(port);
      network.cutStun();
    };
    assert.match(await said({ DINH_MEDIA__TURN: "false" }, { cut }), /^M1-/u);
  });

  it("says that TCP to the media port is blocked where that alone is", async () => {
    const cut = (network, port) => network.passTcpOnly(port);
    assert.match(await said({ DINH_HTTP__LISTEN: "0.0.0.0:443" }, { cut, isApart: true }), /^P1-/u);
  });

  it("finds nothing amiss where TCP to the media port is blocked, and that of the pages stands for it", async () => {
    const cut = (network, port) => network.passTcpOnly(port);
    assert.match(await said({}, { cut }), /^G1-/u);
  });
});
