// Those who stand before a closed door: each is told in a sentence why, and what to do.

import { after, before, describe, it } from "node:test";

import { World } from "../lib/world.mjs";

describe("a link that leads nowhere", { timeout: 60_000 }, () => {
  const world = new World();
  let browser;

  before(async () => {
    await world.start();
    browser = await world.browser();
  });
  after(() => world.end());

  it("asks for an invitation where there is no token", async () => {
    const visitor = await world.visit(browser, new URL("http://host/"));
    await visitor.reads("An invitation link is needed");
    await visitor.photograph("no-token");
  });

  it("says that a link with a letter too few is not right", async () => {
    const link = new URL(world.server.links.commune);
    link.hash = link.hash.slice(0, -1);
    const visitor = await world.visit(browser, link);
    await visitor.reads("The link is not right");
  });

  it("says that a forged token is not right", async () => {
    const link = await world.server.linkOf("00004");
    link.hash = `${link.hash.slice(0, -6)}AAAAAA`;
    const visitor = await world.visit(browser, link);
    await visitor.reads("The link is not right");
    await visitor.photograph("forged-token");
  });

  it("says that a token is over", async () => {
    const token = world.server.expiredToken("00004");
    const visitor = await world.visit(browser, new URL(`http://host/site#token=${token}`));
    await visitor.reads("The link has expired");
  });

  it("lets somebody come back who has left", async () => {
    const visitor = await world.visit(browser, world.server.links.commune);
    await visitor.press("Join and watch");
    await visitor.press("Leave conference");
    await visitor.reads("You left the conference");
    await visitor.photograph("left");
  });

  it("says so to the older of two windows with the same session", async () => {
    const link = world.server.links.commune;
    const older = await world.visit(browser, link);
    await older.press("Join and watch");
    await older.reads("No picture yet");
    const kept = await older.page.evaluate(() => ({ ...sessionStorage }));
    const newer = await world.visit(browser, new URL("http://host/site"));
    await newer.page.evaluate((items) => Object.assign(sessionStorage, items), kept);
    await newer.page.reload();
    await newer.reads("No picture yet");
    await older.reads("The conference is open elsewhere");
    await older.photograph("replaced");
  });
});
