// The check of a line where its page cannot be loaded: the browser has kept it from a better day, and finds out why.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";

import { ANYBODY, certificateFor, rootIn } from "../lib/certificate.mjs";
import { NO_NAMESPACES } from "../lib/namespace.mjs";
import { startResolver } from "../lib/resolver.mjs";
import { Server } from "../lib/server.mjs";
import { until } from "../lib/until.mjs";
import { launchProfile, Visitor } from "../lib/visitor.mjs";
import { World } from "../lib/world.mjs";

const NAME = "hop.test";
const ORGANISER = "1900 0000";

/** Until the kept page shows, what is tried is given up, and the sentence is there: 25 s where nothing is heard at all. */
const PATIENCE_SECONDS = 90;

/** Runs in the page: whether all is kept that is wanted on a bad day. */
async function isPrepared() {
  const registration = await navigator.serviceWorker.getRegistration("/check");
  return registration?.active?.state === "activated" && JSON.parse(localStorage.getItem("dinh.server"));
}

/** Runs in the page before its own scripts: this browser tells nothing of TURN servers. */
function tellNothing() {
  delete RTCPeerConnection.prototype.onicecandidateerror;
}

describe("a check whose page cannot be loaded", { timeout: 600_000, concurrency: true, skip: NO_NAMESPACES }, () => {
  const world = new World();
  const places = ["home", "nameless", "dropped", "refused", "dead", "mute", "site", "expired"];
  let networks, profile;

  before(async () => {
    networks = Object.fromEntries(places.map((place) => [place, world.namespace()]));
    for (const network of Object.values(networks)) {
      network.resolve();
      world.later(await startResolver(network.gateway, NAME));
    }
    const gateways = Object.values(networks).map(({ gateway }) => gateway);
    const certificate = certificateFor(world.directory, [NAME, "127.0.0.1"]);
    await world.start({ ...certificate, DINH_MEDIA__ADVERTISE: JSON.stringify(gateways.slice(0, 2)), DINH_CONFERENCES__ORGANISER: ORGANISER });
    profile = join(world.directory, "profile");
    const context = await launched("home", profile);
    const { page } = await opened(context);
    const known = await until("the page is kept", () => page.evaluate(isPrepared), { seconds: PATIENCE_SECONDS });
    assert.ok(known.addresses.includes(gateways[0]) && known.certificateEndsAt > Date.now(), JSON.stringify(known));
    await context.close();
  });
  after(() => world.end());

  async function launched(place, at, options = { args: [ANYBODY] }) {
    const context = await launchProfile(at, { namespace: networks[place], ...options });
    world.later(() => context.close());
    return context;
  }

  /** The browser of that day, now at this place. */
  function kept(place, options) {
    const at = join(world.directory, `profile-${place}`);
    cpSync(profile, at, { recursive: true });
    return launched(place, at, options);
  }

  const addressOf = (path, { port } = world.server) => `https://${NAME}:${port}${path}`;

  const opened = (context, server) => Visitor.at(context, addressOf("/check", server), { seconds: PATIENCE_SECONDS });

  /** The environment of a browser that trusts this root. */
  function trusting(root) {
    const home = mkdtempSync(join(world.directory, "home-"));
    const database = ["-d", `sql:${join(home, ".pki/nssdb")}`];
    mkdirSync(join(home, ".pki/nssdb"), { recursive: true });
    execFileSync("certutil", ["-N", "--empty-password", ...database]);
    execFileSync("certutil", ["-A", "-n", "dinh", "-t", "C,,", "-i", root, ...database]);
    return { ...process.env, HOME: home };
  }

  /** What the page says in the end, and whether it is the kept one. */
  async function said(visitor) {
    const code = await visitor.page.locator(".outcome .code strong").textContent();
    const isKept = await visitor.page.evaluate(() => "kept" in document.documentElement.dataset);
    visitor.wasWell();
    return [code.split("-")[0], isKept];
  }

  it("says that the name is unknown where whoever is asked for it is silent", async () => {
    networks.nameless.cutResolver();
    assert.deepEqual(await said(await opened(await kept("nameless"))), ["N1", true]);
  });

  it("says that the port is blocked where it is silent, and loads the server's own page once that can be had", async () => {
    networks.dropped.dropTcp(world.server.port);
    const visitor = await opened(await kept("dropped"));
    assert.deepEqual(await said(visitor), ["N2", true]);
    networks.dropped.mend();
    await visitor.press("Check again");
    await until("the server's own page", () => visitor.page.evaluate(() => !("kept" in document.documentElement.dataset)), { seconds: PATIENCE_SECONDS });
    await visitor.page.locator(".outcome .code strong", { hasText: /^G1-/u }).waitFor();
  });

  it("says that the port is blocked where it is refused", async () => {
    networks.refused.cutTcp(world.server.port);
    assert.deepEqual(await said(await opened(await kept("refused"))), ["N2", true]);
  });

  it("names both where nothing at all passes, and whom to call", async () => {
    networks.dead.cutAll();
    const visitor = await opened(await kept("dead"));
    assert.deepEqual(await said(visitor), ["N3", true]);
    await visitor.reads(/DNS may not know .+ or its port may be closed/u);
    await visitor.reads(ORGANISER);
  });

  it("names both in a browser that does not tell them apart", async () => {
    networks.mute.cutResolver();
    const context = await kept("mute");
    await context.addInitScript(tellNothing);
    assert.deepEqual(await said(await opened(context)), ["N3", true]);
  });

  it("is kept by a visit to the conference's page, too", async () => {
    const context = await launched("site", join(world.directory, "profile-site"));
    const link = new URL(world.server.links.commune);
    const page = await context.newPage();
    await page.goto(addressOf(`${link.pathname}${link.hash}`));
    const isActive = async () => (await navigator.serviceWorker.getRegistration("/check"))?.active?.state === "activated";
    await until("the page is kept", () => page.evaluate(isActive), { seconds: 30 });
    networks.site.cutTcp(world.server.port);
    const visitor = await opened(context);
    assert.deepEqual(await said(visitor), ["N2", true]);
  });

  it("says that the certificate has ended where a browser loads nothing for that", async () => {
    const files = mkdtempSync(join(world.directory, "expired-"));
    const { gateway } = networks.expired;
    const settings = { ...certificateFor(files, [NAME, "127.0.0.1"], { days: -1 }), DINH_MEDIA__ADVERTISE: JSON.stringify([gateway]) };
    const server = await Server.start(files, settings);
    world.later(() => server.stop());
    const at = join(world.directory, "profile-expired");
    // Then, the certificate was good enough.
    const then = await launched("expired", at);
    const { page } = await opened(then, server);
    await until("the page is kept", () => page.evaluate(isPrepared), { seconds: PATIENCE_SECONDS });
    await then.close();
    const now = await launched("expired", at, { env: trusting(rootIn(files)) });
    const other = await now.newPage();
    await assert.rejects(other.goto(addressOf("/site", server)), /ERR_CERT_DATE_INVALID/u);
    assert.deepEqual(await said(await opened(now, server)), ["T1", true]);
  });
});
