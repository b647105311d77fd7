// A picture is sent while somebody looks at it: with a real encoder, from the first viewer to the last.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { passing, until } from "../lib/until.mjs";
import { World } from "../lib/world.mjs";

/** Layers of pictures of which a page has sent something within half a second. */
async function layersSent(visitor) {
  const frames = async () =>
    new Map((await visitor.traffic()).sent.filter(({ kind }) => kind === "video").map(({ rid, framesSent }) => [rid, framesSent]));
  const earlier = await frames();
  await passing(500);
  return [...(await frames())].filter(([rid, sent]) => sent > (earlier.get(rid) ?? 0)).map(([rid]) => rid);
}

const sends = (visitor, layers, seconds = 15) =>
  until(`${layers.join("") || "no layer"} is sent`, async () => {
    const sent = (await layersSent(visitor)).sort().join("");
    if (sent !== [...layers].sort().join("")) throw new Error(`sent: ${sent}`);
    return true;
  }, { seconds });

describe("a picture that nobody looks at", { timeout: 180_000 }, () => {
  const world = new World();
  let hall, commune, operator;

  before(async () => {
    await world.start();
    hall = await world.hall();
  });
  after(() => world.end());

  it("is not sent", async () => {
    await sends(hall, []);
    assert.ok((await hall.audioPackets(1)) > 5, "its sound goes on");
  });

  it("is there soon after somebody looks", async (t) => {
    commune = await world.visit(await world.browser({ source: "first" }), world.server.links.commune);
    await commune.press("Join and watch");
    await commune.sees(["hall"], { seconds: 20 });
    t.diagnostic(`first picture ${await commune.firstFrame()} ms after the click`);
    await sends(hall, ["h", "l", "m"]);
  });

  it("of a site that waits is seen by the operator alone, and only while it is looked at", async () => {
    await commune.press(/Ask for the floor/u);
    await commune.reads("Waiting for the floor");
    operator = await world.visit(await world.browser(), world.server.links.operator);
    await sends(commune, []);
    const [{ name }] = await world.server.participantsOf("00004");
    await operator.page.getByLabel("Find a site").fill(name);
    await operator.page.getByRole("button", { name: new RegExp(`${name}.*Waiting`, "u") }).first().click();
    await operator.page.getByRole("button", { name: "Watch", exact: true }).first().click();
    await operator.sees(["hall", "first"], { seconds: 20 });
    await commune.reads("The operators are looking at your picture");
    await sends(commune, ["m"]);
    assert.deepEqual([...(await commune.about("onAir"))], []);
    await commune.hears(["hall"]);
    await operator.hears(["hall"]);
    await commune.photograph("site-looked-at");
  });

  const show = (participant) => world.server.rest("/conferences/demo/stage", "PUT", { place: "main", participant });

  it("of a site that waits is shown to all once a program puts it on the stage, and its sound is not on air", async () => {
    const [{ participant }] = await world.server.participantsOf("00004");
    await operator.page.getByRole("button", { name: "Stop watching", exact: true }).first().click();
    await sends(commune, []);
    await show(participant);
    await hall.sees(["first"], { seconds: 20 });
    await commune.reads("Every site sees you. Nobody hears you until you are given the floor.");
    assert.deepEqual([...(await commune.about("onAir"))], ["camera"]);
    await operator.hears(["hall"]);
    await show(null);
    await commune.reads("Waiting for the floor");
  });

  it("goes on with all its layers once it has the floor, and the sound with it", async () => {
    await operator.page.getByRole("button", { name: /^Give the floor/u }).first().click();
    // Its own picture is not on the hall's stage.
    await hall.sees(["first"], { seconds: 20 });
    await commune.reads("You are on air");
    await hall.hears(["first"]);
  });

  it("of a site that nobody there has put on air is shown once somebody agrees, and ended there", async () => {
    await commune.press("Finish speaking");
    await commune.reads("Ask for the floor");
    const [{ participant }] = await world.server.participantsOf("00004");
    await show(participant);
    await commune.reads("You are invited to be seen");
    await operator.reads("Asked, not shown yet");
    assert.deepEqual([...(await commune.about("onAir"))], []);
    await commune.sees(["hall"]);
    await commune.press("Turn camera on");
    await hall.sees(["first"], { seconds: 20 });
    await operator.hears(["hall"]);
    await commune.photograph("site-shown");
    await commune.press("Stop showing my picture");
    await commune.sees(["hall"], { seconds: 20 });
    assert.deepEqual([...(await commune.about("onAir"))], []);
  });
});
