// A clumsy operator with a real mouse and keyboard: what is pressed is wherever the page has put it by then.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { World } from "../lib/world.mjs";

const SITES = ["00004", "00008", "00025", "00070", "00832", "03727", "02191", "07525"];
const ACTS = 60;
const REACTION_MS = 600;
const LEGIBLE_MS = 400;
const KEYS = [..."grgiv ra", "Enter", "Enter", "Escape", " "];

/** Repeatable chance: mulberry32. */
function chance(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

describe("an operator who presses twice, too late and beside", { timeout: 240_000 }, () => {
  const world = new World();
  const names = new Map();
  let operator, crowd;

  before(async () => {
    await world.start();
    operator = await world.visit(await world.browser(), world.server.links.operator);
    crowd = await world.visit(await world.browser(), world.server.links.operator);
    const tokens = await Promise.all(SITES.map((site) => world.server.token({ conference: "demo", role: "site", site })));
    // Sites that are nothing but a WebSocket: they come, ask, take back and go.
    await crowd.page.evaluate((all) => {
      globalThis.sites = all.map((token) => {
        const socket = new WebSocket(`ws://${location.host}/ws`);
        let id = 0;
        socket.onopen = () => socket.send(JSON.stringify({ type: "join", protocol: 1, token }));
        setInterval(() => socket.readyState === 1 && socket.send('{"type":"ping"}'), 5_000);
        return (type) => socket.send(JSON.stringify({ type, id: (id += 1) }));
      });
    }, tokens);
    const { provinces } = await world.server.rest("/conferences/demo");
    for (const site of SITES) {
      let found;
      while (found === undefined) [found] = await world.server.participantsOf(site);
      const province = provinces.find(({ code }) => code === found.province)?.name ?? "";
      names.set(found.participant, [found.name, province]);
    }
  });
  after(() => world.end());

  it("gives and takes the floor only where the name and the province were read", async (t) => {
    const { page } = operator;
    const random = chance(7);
    const below = (limit) => Math.floor(random() * limit);
    const site = (index, type) => crowd.page.evaluate(([at, what]) => globalThis.sites[at](what), [index, type]);
    /** What a key answers: a question, else what stands beside the button that has the focus. */
    const read = () =>
      page.evaluate(() => {
        const beside = document.activeElement?.closest("li, [data-holder], .undo");
        return ((document.querySelector("dialog[open]") ?? beside)?.textContent ?? "").replaceAll(/\s+/g, " ").replaceAll(/\d+:\d+/g, "");
      });
    const unread = [];
    let reading = "";
    let acts = 0;
    // The page's WebSocket is open already: what it sends is seen from inside.
    await page.exposeFunction("noteRequest", (text) => {
      const message = JSON.parse(text);
      if (message.type !== "grantFloor" && message.type !== "revokeFloor") return;
      acts += 1;
      for (const who of [message.participant, message.instead]) {
        if (who == null) continue;
        if (!names.get(who).every((word) => reading.includes(word))) unread.push(`${text} after reading ${reading}`);
      }
    });
    await page.evaluate(() => {
      const send = WebSocket.prototype.send;
      WebSocket.prototype.send = function (text) {
        void globalThis.noteRequest(text);
        return send.call(this, text);
      };
    });
    for (let index = 0; index < SITES.length; index += 1) await site(index, "requestFloor");
    await page.waitForTimeout(1_500);
    for (let act = 0; act < ACTS; act += 1) {
      const type = ["requestFloor", "requestFloor", "withdrawFloor", "yieldFloor"][below(4)];
      if (random() < 0.5) await site(below(SITES.length), type);
      if (random() < 0.65) {
        const isAsked = await page.locator("dialog[open]").isVisible();
        const kind = isAsked ? "dialog[open] button" : [".floor li [data-grant]", "[data-revoke]", "[data-undo]"][below(3)];
        const target = page.locator(kind).nth(below(2));
        const box = await target.boundingBox({ timeout: 200 }).catch(() => null);
        if (box === null) continue;
        reading = await target.evaluate((it) =>
          (it.closest("dialog, li, [data-holder], .undo")?.textContent ?? "").replaceAll(/\s+/g, " "),
        );
        await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
        if (random() < 0.6) await site(below(SITES.length), type);
        await page.waitForTimeout(below(REACTION_MS));
        for (let press = 1 + (random() < 0.3 ? 1 : 0); press > 0; press -= 1) {
          await page.mouse.down();
          await page.mouse.up();
          await page.waitForTimeout(50 + below(250));
        }
      } else {
        reading = await read();
        await page.waitForTimeout(LEGIBLE_MS);
        reading = reading === (await read()) ? reading : "";
        const key = KEYS[below(KEYS.length)];
        await page.keyboard.down(key === " " ? "Space" : key);
        await page.keyboard.up(key === " " ? "Space" : key);
      }
    }
    await page.waitForTimeout(300);
    t.diagnostic(`${ACTS} acts, ${acts} of them gave or took the floor`);
    assert.deepEqual(unread, []);
    assert.ok(acts > 2, `${acts} acts: clumsy, not helpless`);
  });
});
