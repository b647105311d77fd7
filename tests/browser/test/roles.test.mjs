// Those who are neither hall nor commune nor operator: a chair who speaks by right, an observer who only watches.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { until } from "../lib/until.mjs";
import { World } from "../lib/world.mjs";

describe("a chair and an observer", { timeout: 60_000 }, () => {
  const world = new World();
  let chair, observer;

  before(() => world.start());
  after(() => world.end());

  async function link(role) {
    const token = await world.server.token({ conference: "demo", role });
    return new URL(`http://host/${role === "chair" ? "operator" : role}#token=${token}`);
  }

  it("lets the chair check its devices and take the main picture", async () => {
    chair = await world.visit(await world.browser({ source: "first" }), await link("chair"));
    await chair.reads("Your voice is heard");
    await chair.photograph("check-chair");
    await chair.press("Join the conference");
    await chair.page.getByLabel(/^Main picture/u).selectOption({ index: 1 });
    // Its own picture is not on its stage.
    await chair.reads("Main picture");
    await chair.photograph("chair");
  });

  it("shows the chair to an observer, who cannot ask for the floor", async () => {
    observer = await world.visit(await world.browser(), await link("observer"));
    await observer.press("Join and watch");
    await observer.sees(["first"]);
    await observer.hears(["first"]);
    assert.equal(await observer.page.getByRole("button", { name: "Ask for the floor" }).count(), 0);
    await observer.photograph("observer");
  });

  it("names a chair without a name of its own in the language of the page", async () => {
    for (const [language, word] of [["VI Tiếng Việt", "Chủ trì"], ["EN English", "Chair"]]) {
      await observer.press(language);
      await until(`the caption ${word}`, async () => (await observer.pictures()).some(({ name }) => name === word));
    }
  });

  it("shows the desk on a phone one part at a time", async () => {
    const usual = chair.page.viewportSize();
    await chair.resize("small");
    for (const [tab, words] of [["On screen", "Second picture"], ["Floor", "Nobody has the floor"]]) {
      await chair.press(tab);
      await chair.reads(words);
      await chair.photographNow(`chair-${tab.toLowerCase()}`, ["small"]);
    }
    await chair.press("Attendance");
    await chair.page.setViewportSize(usual);
  });

  it("works the desk by keyboard alone", async () => {
    const { keyboard } = chair.page;
    await keyboard.press("?");
    await chair.page.getByRole("dialog").waitFor();
    await chair.photographNow("chair-keyboard");
    await keyboard.press("Escape");
    await chair.page.getByRole("dialog").waitFor({ state: "detached" });
    await keyboard.press("/");
    await keyboard.type("ba dinh");
    await chair.page.getByRole("button", { name: /Phường Ba Đình/u }).first().waitFor();
    await keyboard.press("Escape");
    await keyboard.press("Alt+m");
    await chair.reads("Turn microphone on");
    await observer.hears([]);
    await keyboard.press("Alt+m");
    await observer.hears(["first"]);
  });

  it("ran without a failing script", () => {
    for (const visitor of [chair, observer]) visitor.wasWell();
  });
});
