// The check of a line in a real browser, behind lines that are broken in one way each: it names what is broken.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
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

describe("the check of a line", { timeout: 900_000, skip: NO_NAMESPACES }, () => {
  const world = new World();
  const directory = mkdtempSync(join(tmpdir(), "dinh-check-"));
  let line, network, token, browser, visitor;

  before(async () => {
    line = await Line.open(directory);
    network = line.namespace;
    network.call(NAME);
    await world.start({
      ...certificateFor(directory, [NAME, network.gateway, "127.0.0.1"]),
      DINH_MEDIA__ADVERTISE: `["127.0.0.1","${network.gateway}"]`,
    });
    token = await world.server.token({ role: "admin" });
    browser = await world.browser({ namespace: network, args: [ANYBODY] });
  });
  afterEach(async () => {
    visitor?.wasWell();
    await visitor?.page.context().close();
    visitor = undefined;
    network.mend();
    network.narrow(1_500);
    line.set({});
  });
  after(async () => {
    await world.end();
    await line?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  /** Opens the page of the check, with the link of the commune unless `path` says otherwise. */
  async function open({ at = browser, permissions = ["camera", "microphone"], script, path } = {}) {
    const context = await at.newContext({ permissions });
    if (script) await context.addInitScript(script);
    const link = new URL(world.server.links.commune);
    if (path) [link.pathname, link.hash] = [path, ""];
    else link.pathname = "/check";
    visitor = await Visitor.at(context, world.server.at(network.gateway, link), { seconds: PATIENCE_SECONDS });
  }

  /** What the page says at the end, and what it has measured. */
  async function outcome(t) {
    const code = await visitor.page.locator(".outcome .code strong").textContent();
    const sentence = await visitor.page.locator(".outcome .sentence").textContent();
    const colour = (await visitor.page.locator(".outcome").getAttribute("class")).match(/green|amber|red/u)?.[0];
    const [{ measured }] = await visitor.page.evaluate(ask, { path: `/checks?code=${code}`, token });
    t.diagnostic(`${code} (${colour}): ${JSON.stringify(measured)}`);
    return { code: code.split("-")[0], reference: code, colour, sentence, measured };
  }

  it("finds all well where all is well, says so in a minute, and the operator finds it by its code", async (t) => {
    const began = performance.now();
    await open();
    const { code, colour, reference, measured } = await outcome(t);
    const took = Math.round((performance.now() - began) / 1_000);
    t.diagnostic(`after ${took} s`);
    assert.deepEqual([code, colour], ["G1", "green"]);
    assert.ok(took < 60, `${took} s`);
    assert.ok(measured.upKilobitsPerSecond > 600 && measured.downKilobitsPerSecond > 600, JSON.stringify(measured));
    const operator = await Visitor.at(await browser.newContext(), world.server.at(network.gateway, world.server.links.operator), { seconds: 30 });
    await operator.page.getByRole("searchbox").fill(reference);
    await operator.reads("Phường Ba Đình");
    await operator.page.locator(".entry .line").first().click();
    await operator.reads(reference);
    operator.wasWell();
    await operator.page.context().close();
  });

  it("adds camera and microphone when somebody lets it, under the same code", async (t) => {
    await open();
    const before = await outcome(t);
    await visitor.press("Try camera and microphone");
    await visitor.page.getByText("camera: works, microphone: works").waitFor({ state: "attached" });
    const now = await outcome(t);
    assert.equal(now.reference.split("-")[1], before.reference.split("-")[1]);
    assert.deepEqual([now.measured.camera, now.measured.microphone], ["works", "works"]);
  });

  it("works without a link, for whoever cannot find it", async (t) => {
    await open({ path: "/check" });
    assert.equal((await outcome(t)).code, "G1");
  });

  it("finds blocked UDP", async (t) => {
    network.cutUdp();
    await open();
    const { code, colour, measured } = await outcome(t);
    assert.deepEqual([code, colour], ["U1", "amber"]);
    assert.deepEqual([measured.udp, measured.tcp, measured.means], [false, true, "tcp"]);
  });

  it("finds that nothing but TLS passes", async (t) => {
    network.passOnly(world.server.port);
    network.cutStun();
    await open();
    const { colour, measured } = await outcome(t);
    assert.equal(colour, "amber");
    assert.deepEqual([measured.udp, measured.tcp, measured.turn, measured.means], [false, false, true, "turn"]);
  });

  it("finds that there is no camera, before anybody is asked", async (t) => {
    await open({ at: await world.browser({ namespace: network, args: [ANYBODY, NO_CAMERA] }) });
    const { code, colour } = await outcome(t);
    assert.deepEqual([code, colour], ["D1", "amber"]);
  });

  it("finds that a fifth is lost", async (t) => {
    await open();
    // Before that the line is not measured; a page that does not load is another fault.
    await visitor.page.locator("li.running", { hasText: "Loss" }).waitFor({ state: "attached" });
    line.set({ loss_percent: 20 });
    const { code, colour } = await outcome(t);
    assert.deepEqual([code, colour], ["L1", "red"]);
  });

  it("finds a line of 200 kbit/s", async (t) => {
    line.set({ kbps: 200, queue: "300ms" });
    await open();
    const { code, colour, measured } = await outcome(t);
    assert.deepEqual([code, colour], ["R2", "amber"]);
    assert.ok(measured.upKilobitsPerSecond > 64 && measured.upKilobitsPerSecond < 260, JSON.stringify(measured));
    assert.ok(measured.lossUpPercent < 3 && measured.lossDownPercent < 3, JSON.stringify(measured));
  });

  it("finds nothing amiss with packets of 1,280 bytes", async (t) => {
    network.narrow(1_280);
    await open();
    assert.equal((await outcome(t)).code, "G1");
  });

  it("says so where the camera and the microphone are denied to the page", async (t) => {
    await open({ at: await world.browser({ namespace: network, args: [ANYBODY, DENIED] }), permissions: [] });
    await outcome(t);
    await visitor.press("Try camera and microphone");
    await visitor.page.locator(".outcome .code strong", { hasText: /^D5-/u }).waitFor();
    const { colour, measured } = await outcome(t);
    assert.deepEqual([colour, measured.microphone], ["amber", "denied"]);
  });

  it("says so where the microphone gives no sound at all", async (t) => {
    const file = join(directory, "silence.wav");
    writeFileSync(file, silence());
    const args = [ANYBODY, `--use-file-for-fake-audio-capture=${file}`];
    await open({ at: await world.browser({ namespace: network, args }) });
    await outcome(t);
    await visitor.press("Try camera and microphone");
    await visitor.page.locator(".outcome .code strong", { hasText: /^D7-/u }).waitFor();
    const { colour, measured } = await outcome(t);
    assert.deepEqual([colour, measured.microphone], ["amber", "silent"]);
  });

  it("finds all well in Firefox", async (t) => {
    const [program, ...words] = network.prefix;
    const link = new URL(world.server.links.commune);
    link.pathname = "/check";
    const check = [FIREFOX, world.server.at(NAME, link), rootIn(directory)];
    const { stdout } = await promisify(execFile)(program, [...words, process.execPath, ...check], { timeout: 110_000 });
    const { code, version, faults } = JSON.parse(stdout);
    t.diagnostic(`${version}: ${code}`);
    assert.match(code, /^G1-/u);
    assert.deepEqual(faults, []);
  });

  it("finds a clock that is an hour behind", async (t) => {
    await open({ script: beBehind });
    const { code, colour, measured } = await outcome(t);
    assert.deepEqual([code, colour], ["C1", "red"]);
    assert.ok(Math.abs(measured.clockOffsetMs + 3_600_000) < 10_000, JSON.stringify(measured));
  });
});

describe("the check of a line to a server that is amiss itself", { timeout: 180_000, skip: NO_NAMESPACES }, () => {
  let world, network;

  before(() => {
    world = new World();
    network = world.namespace();
  });
  after(() => world.end());

  /** What the page says where the server is like that. */
  async function said(settings, { days } = {}) {
    const files = mkdtempSync(join(world.directory, "certificate-"));
    const data = join(files, "data");
    mkdirSync(data);
    const certificate = certificateFor(files, [network.gateway, "127.0.0.1"], { days });
    const server = await Server.start(data, { ...certificate, ...settings });
    try {
      const browser = await world.browser({ namespace: network, args: [ANYBODY] });
      const link = new URL(server.links.commune);
      link.pathname = "/check";
      const visitor = await Visitor.at(await browser.newContext(), server.at(network.gateway, link), { seconds: PATIENCE_SECONDS });
      const code = await visitor.page.locator(".outcome .code strong").textContent();
      visitor.wasWell();
      return code;
    } finally {
      await server.stop();
    }
  }

  it("says that clients are told a wrong address, and not that a firewall is in the way", async () => {
    assert.match(await said({ DINH_MEDIA__ADVERTISE: '["203.0.113.9"]' }), /^A1-/u);
  });

  it("says that the certificate has ended, if somebody goes on in spite of the browser", async () => {
    assert.match(await said({ DINH_MEDIA__ADVERTISE: `["127.0.0.1","${network.gateway}"]` }, { days: -1 }), /^T1-/u);
  });
});
