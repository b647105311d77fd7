// Every page without a mouse: all is reached and pressed, and the focus is never lost on the way.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { Keyboard } from "../lib/keyboard.mjs";
import { until } from "../lib/until.mjs";
import { World } from "../lib/world.mjs";

const COMMUNE = "00070";

describe("by keyboard alone", { timeout: 180_000 }, () => {
  const world = new World();
  let site, desk;

  before(async () => {
    await world.start();
    const browser = await world.browser({ source: "first" });
    site = await world.visit(browser, await world.server.linkOf(COMMUNE));
    site.page.setDefaultTimeout(20_000);
  });
  after(() => world.end());

  const shows = (visitor, words) => () => visitor.page.getByText(words).filter({ visible: true }).first().waitFor();
  const dialog = (visitor, state) => () => visitor.page.locator("dialog[open]").first().waitFor({ state: state ?? "visible" });

  it("a clerk finds everything on the check page, and goes in", async () => {
    await shows(site, "Join and watch")();
    const keyboard = await Keyboard.at(site.page);
    await keyboard.walk();
    await keyboard.act(/Try camera/u, shows(site, "Your voice is heard"));
    await keyboard.walk();
    await keyboard.act(/Join and watch/u, shows(site, "Ask for the floor"));
  });

  it("a clerk comes to what matters first", async () => {
    const keyboard = await Keyboard.at(site.page);
    await until("asking is possible", () => site.page.getByRole("button", { name: "Ask for the floor" }).isEnabled());
    const stops = await keyboard.walk();
    const order = [/Ask for the floor/u, /Sound off/u, /Tiếng Việt/u, /Leave/u].map((words) => stops.findIndex((stop) => words.test(stop)));
    assert.ok(order.every((at, index) => at >= 0 && (index === 0 || at > order[index - 1])), `${order} in ${stops.join(", ")}`);
  });

  it("a clerk asks, takes it back, asks again, and is put on the air without losing the focus", async () => {
    const keyboard = await Keyboard.at(site.page);
    await keyboard.act(/Ask for the floor/u, shows(site, "Waiting for the floor"));
    await keyboard.act(/Withdraw/u, shows(site, "Ask for the floor"));
    await keyboard.act(/Ask for the floor/u, shows(site, "Waiting for the floor"), " ");
    const [{ participant }] = await world.server.participantsOf(COMMUNE);
    await world.server.rest("/conferences/demo/floor/grant", "POST", { participant });
    await shows(site, "You are on air")();
    await keyboard.keepsFocus("when the floor is given");
    await keyboard.walk();
  });

  it("a clerk on the air switches, chooses devices and ends", async () => {
    const keyboard = await Keyboard.at(site.page);
    await keyboard.act(/Turn microphone off/u, shows(site, "does NOT hear you"));
    await keyboard.act(/Turn microphone on/u, shows(site, "Every site sees and hears you."));
    await keyboard.act(/"Devices"/u, dialog(site));
    await keyboard.walk();
    await keyboard.press("Escape");
    await dialog(site, "detached")();
    assert.match((await keyboard.focused()).name, /"Devices"/u, "the focus goes back to what opened the menu");
    await keyboard.act(/Leave/u, dialog(site));
    await keyboard.act(/Cancel/u, dialog(site, "detached"));
    await keyboard.act(/Finish speaking/u, shows(site, "Ask for the floor"));
  });

  it("an operator finds everything", async () => {
    desk = await world.visit(await world.browser(), world.server.links.operator);
    desk.page.setDefaultTimeout(20_000);
    await shows(desk, "Lâm Đồng")();
    await (await Keyboard.at(desk.page)).walk();
  });

  it("an operator gives the floor to a commune in two steps from a fresh page, and takes it back", async () => {
    const keyboard = await Keyboard.at(desk.page);
    const [{ name }] = await world.server.participantsOf(COMMUNE);
    await keyboard.press("/");
    await desk.page.keyboard.type(`${name} ha noi`);
    await desk.page.locator(`[data-site="${COMMUNE}"]`).waitFor();
    await keyboard.press("Enter");
    await until("the button has the focus", async () => /Give the floor/u.test((await keyboard.focused()).name));
    // A key that comes sooner than anybody has read the name is none.
    await desk.page.waitForTimeout(700);
    await keyboard.act(/Give the floor/u, () => desk.page.locator("[data-holder]").waitFor());
    await keyboard.press("Escape");
    await keyboard.keepsFocus("after Escape");
    await keyboard.press("r");
    await dialog(desk)();
    await keyboard.keepsFocus("in the question");
    await desk.page.waitForTimeout(700);
    await keyboard.press("Enter");
    await shows(desk, "Nobody has the floor")();
    await keyboard.keepsFocus("after the floor is taken");
  });

  it("an operator sees who is missing in a province in two steps, opens a site and asks before removing it", async () => {
    const keyboard = await Keyboard.at(desk.page);
    await keyboard.act(/Lâm Đồng/u, shows(desk, "125 sites"));
    await keyboard.act(/Absent/u, () => desk.page.locator(".entry.absent").first().waitFor());
    await keyboard.act(/All provinces/u, () => desk.page.locator("thead").waitFor());
    await keyboard.press("/");
    await desk.page.keyboard.type(COMMUNE);
    await desk.page.locator(`[data-site="${COMMUNE}"]`).waitFor();
    await keyboard.act(/^button "(?:Phường|Xã) /u, () => desk.page.locator(".actions").waitFor());
    await keyboard.walk();
    await keyboard.act(/"Remove"/u, dialog(desk));
    await keyboard.walk();
    await keyboard.act(/Cancel/u, dialog(desk, "detached"));
  });

  it("a wall has nothing that only a mouse reaches", async () => {
    await desk.page.setViewportSize({ width: 3840, height: 2160 });
    await shows(desk, "The 20 worst")();
    await desk.page.keyboard.press("Escape");
    await shows(desk, "Lâm Đồng")();
    await (await Keyboard.at(desk.page)).walk();
  });

  it("a hall and a chair find everything, before the join and after", async () => {
    for (const [link, loss, whole] of [
      [world.server.links.hall, "Every site loses", "Turn microphone off"],
      [new URL(`http://host/operator#token=${await world.server.token({ conference: "demo", role: "chair" })}`), "You are running", "Lâm Đồng"],
    ]) {
      const visitor = await world.visit(await world.browser({ source: "hall" }), link);
      visitor.page.setDefaultTimeout(20_000);
      await shows(visitor, "Your voice is heard")();
      const keyboard = await Keyboard.at(visitor.page);
      await keyboard.walk();
      await keyboard.act(/Join the conference/u, shows(visitor, "Turn microphone off"));
      // Until the list of sites is here, what is counted of it is called otherwise.
      await shows(visitor, whole)();
      await keyboard.walk();
      await keyboard.act(/Turn camera off/u, shows(visitor, "Turn camera on"));
      await keyboard.act(/Leave/u, shows(visitor, loss));
      await keyboard.act(/"Leave conference"/u, shows(visitor, "You left the conference"));
      visitor.wasWell();
    }
  });

  it("ran without a failing script", () => {
    for (const visitor of [site, desk]) visitor.wasWell();
  });
});
