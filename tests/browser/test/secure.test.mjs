// A server that speaks TLS itself, with a certificate of its own authority, in a real browser.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, it } from "node:test";

import { Visitor } from "../lib/visitor.mjs";
import { World } from "../lib/world.mjs";

/** Has a browser trust chains with this certificate in them. */
function trusting(certificate) {
  const key = certificate.publicKey.export({ type: "spki", format: "der" });
  return [`--ignore-certificate-errors-spki-list=${createHash("sha256").update(key).digest("base64")}`];
}

describe("a server with an authority of its own", { timeout: 120_000 }, () => {
  const world = new World();
  let root;

  before(async () => {
    await world.start({ DINH_TLS__SELF_MADE: "true" });
    root = await world.server.root();
  });
  after(() => world.end());

  it("prints links by https, which a browser does not open yet", async () => {
    assert.equal(world.server.links.commune.protocol, "https:");
    const opened = world.visit(await world.browser(), world.server.links.commune);
    await assert.rejects(opened, /ERR_CERT_AUTHORITY_INVALID/u);
  });

  it("explains in the clear what to install, with the fingerprint of it", async () => {
    const browser = await world.browser();
    const visitor = await Visitor.open(browser, `http://127.0.0.1:${world.server.port}/trust`);
    await visitor.reads(root.fingerprint256);
    await visitor.reads("Chứng chỉ gốc của máy chủ này");
    await visitor.reads("The root certificate of this server");
    const download = visitor.page.waitForEvent("download");
    await visitor.page.getByRole("link", { name: "Download the root certificate" }).click();
    assert.equal((await download).suggestedFilename(), "dinh-root.crt");
  });

  it("leads whoever comes in the clear to https", async () => {
    const browser = await world.browser({ args: trusting(root) });
    const visitor = await Visitor.open(browser, `http://127.0.0.1:${world.server.port}/hall`);
    assert.equal(new URL(visitor.page.url()).protocol, "https:");
  });

  it("carries picture and sound of the hall to a commune, each with a camera of its own", async () => {
    const hall = await world.visit(await world.browser({ source: "hall", args: trusting(root) }), world.server.links.hall);
    await hall.press("Join the conference");
    await hall.reads("On air");
    const commune = await world.visit(await world.browser({ source: "first", args: trusting(root) }), world.server.links.commune);
    await commune.press("Join and watch");
    await commune.sees(["hall"]);
    assert.ok(await commune.page.evaluate(() => globalThis.isSecureContext && navigator.mediaDevices !== undefined));
  });
});
