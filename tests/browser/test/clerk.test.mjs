// A clerk whose browser says no at first, and one who looks elsewhere.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { until } from "../lib/until.mjs";
import { Visitor } from "../lib/visitor.mjs";
import { World } from "../lib/world.mjs";

const DENIED = "00070";
const ELSEWHERE = "00832";

/** Runs in the page: the browser keeps its devices back until it is told otherwise. */
function deny() {
  const { mediaDevices } = navigator;
  const open = mediaDevices.getUserMedia.bind(mediaDevices);
  mediaDevices.getUserMedia = (wanted) => (globalThis.__isAllowed ? open(wanted) : Promise.reject(new DOMException("Permission denied", "NotAllowedError")));
}

/** Runs in the page: another window is in front, and what calls from this one is noted. */
function lookElsewhere() {
  globalThis.__calls = { sounds: 0, notifications: [] };
  document.hasFocus = () => false;
  const { play } = HTMLMediaElement.prototype;
  HTMLMediaElement.prototype.play = function () {
    if (!this.isConnected) globalThis.__calls.sounds += 1;
    return play.call(this);
  };
  globalThis.Notification = class {
    static permission = "granted";
    constructor(title) {
      globalThis.__calls.notifications.push(title);
    }
  };
}

describe("a clerk", { timeout: 120_000 }, () => {
  const world = new World();
  let browser;

  before(async () => {
    await world.start();
    browser = await world.browser({ source: "first" });
  });
  after(() => world.end());

  async function visit(site, script) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    await context.addInitScript(script);
    const link = await world.server.linkOf(site);
    const visitor = await Visitor.at(context, world.server.at("127.0.0.1", link), { seconds: 20 });
    await visitor.press("Join and watch");
    return visitor;
  }

  it("who was denied the microphone and allows it goes on with the request by Try again", async () => {
    const clerk = await visit(DENIED, deny);
    await clerk.press("Ask for the floor");
    await clerk.reads("The browser is not allowed to use the microphone.");
    await clerk.reads("Ask for the floor");
    await clerk.page.evaluate(() => (globalThis.__isAllowed = true));
    await clerk.press("Try again");
    await clerk.reads("Waiting for the floor");
    const [{ floor }] = await world.server.participantsOf(DENIED);
    assert.equal(floor, "waiting");
    clerk.wasWell();
  });

  it("who looks elsewhere is called by title, icon, sound and notification when invited, and sees that it is on the air", async () => {
    const clerk = await visit(ELSEWHERE, lookElsewhere);
    await clerk.reads("Ask for the floor");
    const icon = () => clerk.page.evaluate(() => document.querySelector("link[rel=icon]").getAttribute("href"));
    const usual = [await clerk.page.title(), await icon()];
    const [{ participant }] = await until("it is in", async () => {
      const here = await world.server.participantsOf(ELSEWHERE);
      return here.length > 0 && here;
    });
    await world.server.rest("/conferences/demo/floor/grant", "POST", { participant });
    await until("the title calls", async () => (await clerk.page.title()).startsWith("● YOU ARE CALLED"));
    assert.notEqual(await icon(), usual[1]);
    await until("it is called", async () => {
      const { sounds, notifications } = await clerk.page.evaluate(() => globalThis.__calls);
      return sounds > 0 && notifications.length === 1;
    });
    await clerk.press("Turn on microphone and camera");
    await until("the title says so", async () => (await clerk.page.title()).startsWith("● ON AIR"));
    await clerk.press("Finish speaking");
    await until("all is as it was", async () => String([await clerk.page.title(), await icon()]) === String(usual));
    clerk.wasWell();
  });
});
