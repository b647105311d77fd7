// What a browser keeps of a link is worth nothing to whoever finds it in another one.

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";

import { until } from "../lib/until.mjs";
import { launchProfile, Visitor } from "../lib/visitor.mjs";
import { World } from "../lib/world.mjs";

/** Every JWT begins so: `{"` in base 64. */
const JWT = /eyJ[\w-]{10,}\.eyJ/u;

/** The text of what a profile keeps of the pages that were opened. */
function kept(profile) {
  const folder = join(profile, "Default");
  const names = readdirSync(folder).filter((name) => name.startsWith("History"));
  const sessions = readdirSync(join(folder, "Sessions")).map((name) => join("Sessions", name));
  return [...names, ...sessions].map((name) => {
    // Chromium writes addresses as bytes or as UTF-16.
    const bytes = readFileSync(join(folder, name));
    return { name, text: `${bytes.toString("latin1")}\n${bytes.toString("utf16le")}\n${bytes.subarray(1).toString("utf16le")}` };
  });
}

describe("a link that was opened in a browser", { timeout: 120_000 }, () => {
  const world = new World();
  const profiles = ["own", "other"].map(() => mkdtempSync(join(tmpdir(), "dinh-profile-")));
  const [own, other] = profiles;
  let link;

  before(async () => {
    await world.start();
    const made = await world.server.rest("/links", "POST", {
      conference: "demo",
      role: "site",
      site: "00004",
      ttlSeconds: 3600,
      devices: 1,
    });
    link = world.server.at("127.0.0.1", made.link);
  });
  after(async () => {
    await world.end();
    for (const profile of profiles) rmSync(profile, { recursive: true, force: true });
  });

  /** Opens the link in a browser that keeps its profile, does something there and closes it. */
  async function inProfile(profile, act) {
    const browser = await launchProfile(profile);
    try {
      await act(await Visitor.at(browser, link));
    } finally {
      await browser.close();
    }
  }

  it("lets its site in, also after a reload", async () => {
    await inProfile(own, async (visitor) => {
      await visitor.press("Join and watch");
      await visitor.reads("No picture yet");
      await visitor.page.reload();
      await visitor.reads("No picture yet");
      // The history is written some seconds later.
      await until("the history is written", () => kept(own).some(({ text }) => text.includes("#code=")), { seconds: 20 });
    });
  });

  it("leaves no token in history and session files", () => {
    const files = kept(own);
    const holders = files.filter(({ text }) => text.includes("#code=")).map(({ name }) => name);
    assert.ok(holders.includes("History"), `the address was looked for in ${files.map(({ name }) => name)}`);
    for (const { name, text } of files) assert.doesNotMatch(text, JWT, name);
  });

  it("lets the same browser in again", async () => {
    await inProfile(own, async (visitor) => {
      await visitor.press("Join and watch");
      await visitor.reads("No picture yet");
    });
  });

  it("tells any other browser whose it is", async () => {
    await inProfile(other, async (visitor) => {
      await visitor.reads("This link belongs to another browser");
      await visitor.photograph("link-elsewhere");
    });
  });
});
