// A commune whose firewall lets only the port of the pages through, and one whose firewall lets only TLS through there,
// see and hear the conference all the same.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";

import { NO_NAMESPACES } from "../lib/namespace.mjs";
import { NO_PROXY, startProxy } from "../lib/proxy.mjs";
import { Visitor } from "../lib/visitor.mjs";
import { World } from "../lib/world.mjs";

/** From the click to the picture. Usually it is 1 to 3 s; the rest is for a busy machine. */
const PATIENCE_SECONDS = 20;

/** The authority of the server's certificate is nobody's. */
const ANYBODY = "--ignore-certificate-errors";

describe("a commune behind a firewall", { timeout: 180_000, skip: NO_NAMESPACES }, () => {
  const world = new World();
  const certificates = mkdtempSync(join(tmpdir(), "dinh-tls-"));
  let network, browser, commune, proxy;

  before(async () => {
    network = world.namespace();
    const [certificate, key] = ["cert.pem", "key.pem"].map((name) => join(certificates, name));
    const subject = ["-subj", "/CN=dinh", "-addext", `subjectAltName=IP:${network.gateway},IP:127.0.0.1`];
    const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
    const made = ["req", "-x509", ...kind, ...subject, "-keyout", key, "-out", certificate];
    execFileSync("openssl", made, { stdio: "ignore" });
    await world.start({
      DINH_MEDIA__ADVERTISE: `["127.0.0.1","${network.gateway}"]`,
      DINH_TLS__CERTIFICATE: certificate,
      DINH_TLS__KEY: key,
    });
    const hall = await world.visit(await world.browser({ source: "hall", args: [ANYBODY] }), world.server.links.hall);
    await hall.press("Join the conference");
    await hall.reads("On air");
    browser = await world.browser({ namespace: network, args: [ANYBODY] });
  });
  afterEach(async () => {
    commune?.wasWell();
    await commune?.page.context().close();
    network.mend();
  });
  after(async () => {
    proxy?.stop();
    await world.end();
    rmSync(certificates, { recursive: true, force: true });
  });

  /** Joins, and says how long it took until there was a picture and what the media comes over. */
  async function watches(t) {
    const context = await browser.newContext({ permissions: ["camera", "microphone"] });
    commune = await Visitor.at(context, world.server.at(network.gateway, world.server.links.commune));
    const start = performance.now();
    await commune.press("Join and watch");
    await commune.sees(["hall"], { seconds: PATIENCE_SECONDS });
    const took = performance.now() - start;
    await commune.hears(["hall"]);
    const entries = await commune.page.evaluate(() => globalThis.__dinh.stats());
    const by = new Map(entries.map((entry) => [entry.id, entry]));
    const { selectedCandidatePairId } = entries.find(({ type }) => type === "transport") ?? {};
    const pair = by.get(selectedCandidatePairId);
    const [local, remote] = [by.get(pair?.localCandidateId), by.get(pair?.remoteCandidateId)];
    const way = local.relayProtocol ?? local.protocol;
    t.diagnostic(`a picture over ${way} after ${Math.round(took)} ms`);
    return { way, port: remote.port };
  }

  it("has the picture over UDP where that passes", async (t) => {
    assert.equal((await watches(t)).way, "udp");
  });

  it("has the picture over TCP at the port of the pages where nothing else passes", async (t) => {
    network.passOnly(world.server.port);
    assert.deepEqual(await watches(t), { way: "tcp", port: world.server.port });
  });

  it("has the picture by TURN inside TLS where nothing but TLS passes there", async (t) => {
    network.passOnly(world.server.port);
    network.cutStun();
    assert.equal((await watches(t)).way, "tls");
  });

  it("has the picture by TURN inside TLS through a proxy that passes nothing else", { skip: NO_PROXY }, async (t) => {
    proxy = await startProxy(certificates, network.gateway, world.server.port);
    network.passOnly(proxy.port);
    network.cutStun();
    const through = `--proxy-server=http://${network.gateway}:${proxy.port}`;
    browser = await world.browser({ namespace: network, args: [ANYBODY, through] });
    assert.equal((await watches(t)).way, "tls");
  });
});
