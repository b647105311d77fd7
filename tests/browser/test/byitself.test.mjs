// The page of a site that is left open before a conference checks its line by itself.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { until } from "../lib/until.mjs";
import { World } from "../lib/world.mjs";

/** The conference, which has not begun, and the site of the test. */
const [MORNING, SITE] = ["morning", "00004"];

/** Until the moment, and for a check on a busy machine. */
const PATIENCE_MS = 90_000;

describe("a page that is left open before a conference", { timeout: 180_000 }, () => {
  const world = new World();
  let browser;

  before(async () => {
    await world.start();
    browser = await world.browser();
  });
  after(() => world.end());

  it("checks the line when the server says so, says what came of it, and is a row of the operator's list", async () => {
    const { server } = world;
    const starting = (minutes) => new Date(Date.now() + minutes * 60_000).toISOString();
    await server.rest("/conferences", "POST", { id: MORNING, title: "Morning briefing", startsAt: starting(18) });
    const token = await server.token({ conference: MORNING, role: "site", site: SITE });
    const asked = await fetch(`http://127.0.0.1:${server.port}/api/v1/invitation`, { headers: { authorization: `Bearer ${token}` } });
    const { checksIn } = await asked.json();
    assert.equal(checksIn.length, 1, `ten minutes before, the others are past: ${checksIn}`);
    // Moved, so that the moment is near.
    const seconds = 8;
    await server.rest(`/conferences/${MORNING}`, "PATCH", { startsAt: starting(18 - (checksIn[0] - seconds) / 60) });
    assert.deepEqual(await server.rest(`/checks?site=${SITE}`), []);

    const visitor = await world.visit(browser, new URL(`http://127.0.0.1:${server.port}/site#token=${token}`));
    await visitor.page.getByText("The line checked itself at").waitFor({ timeout: PATIENCE_MS });
    await visitor.photograph("checked-by-itself");
    const [check] = await server.rest(`/checks?site=${SITE}`);
    assert.equal(check.colour, "green", JSON.stringify(check));
    await visitor.press("Join and watch");
    await until("the site is in", async () => (await server.rest(`/conferences/${MORNING}/participants`)).length === 1);
  });
});
