// States of the clerk's, the hall's and the check page that no click alone leads to. For screens.mjs.

import { readFileSync } from "node:fs";

const CSV = new URL("../../signaling/data/sites-vn-2025.csv", import.meta.url);
const COMMUNES = readFileSync(CSV, "utf8").split("\n").filter((line) => line.includes(",commune,")).map((line) => line.split(",")[0]);
const JOIN = /Vào xem|Join and watch|Vào hội nghị|Join the conference|Vẫn vào|Join nevertheless/;
const SITE = { role: "site", site: "00004" };
const HALL = { role: "hall" };

const pause = (ms) => (page) => page.waitForTimeout(ms);
const click = (words) => (page) => page.getByRole("button", { name: words }).first().click();
const steps =
  (...list) =>
  async (page) => {
    for (const step of list) await step(page);
  };

/** The server says this. */
const say = (message) => (page) =>
  page.evaluate((data) => {
    globalThis.__fixed.add(data.type);
    globalThis.__sockets.at(-1).dispatchEvent(new MessageEvent("message", { data: JSON.stringify(data) }));
  }, message);

const NOTHING = { microphone: false, camera: false };
const ALL = { microphone: true, camera: true };
const self = (part) =>
  say({ type: "self", version: 9, muted: false, floor: "none", position: null, onStage: false, device: 1, standsBy: false, arriving: NOTHING, lastTurn: null, ...part });

const who = (participant, name, source = "camera") => ({ participant, site: null, name, source });
const LONG = "Xã Phước Mỹ Trung Hòa Khánh, tỉnh Bà Rịa – Vũng Tàu";
const stage = (main, second, screen = null) => say({ type: "stage", version: 9, main, second, screen, speakers: [] });
const HALL_PICTURE = who("P-HALL", "Hội trường Trung ương");
const SPEAKER = who("P-00115", LONG);
const holds = (holder) => say({ type: "floor", version: 9, holder: holder && { ...holder, since: new Date().toISOString() }, waiting: 3, queue: [] });

const ASK = /Xin phát biểu|Ask for the floor/;
/** The site has asked, has the floor, and is seen and heard. */
const speaking = (arriving = ALL) =>
  steps(click(JOIN), pause(700), click(ASK), pause(900), self({ floor: "holding", onStage: true }), pause(300), self({ floor: "holding", onStage: true, arriving }));
const unplug = (page) =>
  page.evaluate(() => globalThis.__tracks.filter(({ kind }) => kind === "audio").forEach((track) => track.dispatchEvent(new Event("ended"))));
const deny = { __denies: true };

/** Each with a site of its own: the make-believe server remembers what one has done. */
export const STATES = [
  ["clerk-watching-two", "/site", SITE, steps(click(JOIN), pause(700), stage(HALL_PICTURE, SPEAKER), holds(SPEAKER), pause(900))],
  ["clerk-watching-three", "/site", SITE, steps(click(JOIN), pause(700), stage(HALL_PICTURE, SPEAKER, who("P-HALL", "Hội trường Trung ương", "screen")), holds(SPEAKER), pause(900))],
  ["clerk-no-hall", "/site", SITE, steps(click(JOIN), pause(700), stage(null, null), pause(300))],
  ["clerk-blocked", "/site", { ...SITE, flags: { __isBlocked: true } }, steps(click(JOIN), pause(12_000))],
  ["clerk-invited", "/site", SITE, steps(click(JOIN), pause(700), self({ floor: "holding" }), pause(300))],
  ["clerk-returning", "/site", SITE, steps(click(JOIN), pause(700), (page) => page.reload(), pause(900), self({ floor: "holding" }), pause(300))],
  ["clerk-waiting", "/site", SITE, steps(click(JOIN), pause(700), click(ASK), pause(900), self({ floor: "waiting", position: 12 }), pause(300))],
  ["clerk-on-air", "/site", SITE, steps(speaking(), stage(HALL_PICTURE, who("P-00004", "Phường Ba Đình")), pause(900))],
  ["clerk-on-air-microphone-off", "/site", SITE, steps(speaking(), click(/Tắt micro|Turn microphone off/), pause(400))],
  ["clerk-on-air-both-off", "/site", SITE, steps(speaking(), click(/Tắt micro|Turn microphone off/), click(/Tắt camera|Turn camera off/), pause(400))],
  ["clerk-on-air-unplugged", "/site", SITE, steps(speaking(), unplug, pause(400))],
  ["clerk-on-air-silent", "/site", { ...SITE, flags: { __isMuteMachine: true } }, steps(speaking(), pause(6_000))],
  ["clerk-on-air-unsent", "/site", SITE, steps(speaking({ microphone: false, camera: true }), pause(4_800))],
  ["clerk-on-stage", "/site", SITE, steps(click(JOIN), pause(700), click(ASK), pause(900), self({ onStage: true, arriving: ALL }), pause(400))],
  ["clerk-muted", "/site", SITE, steps(speaking(), self({ floor: "holding", onStage: true, muted: true }), pause(400))],
  ["clerk-revoked", "/site", SITE, steps(speaking(), self({ lastTurn: "revoked" }), pause(400))],
  ["clerk-stands-by", "/site", SITE, steps(click(JOIN), pause(700), self({ device: 2, standsBy: true }), pause(300))],
  ["clerk-denied", "/site", { ...SITE, flags: deny }, steps(click(JOIN), pause(700), click(ASK), pause(500))],
  ["clerk-device-menu", "/site", SITE, steps(speaking(), click(/Micro, camera, loa|Microphone, camera, speaker/), pause(500))],
  ["clerk-leave-question", "/site", SITE, steps(speaking(), click(/^Rời|^Leave/), pause(400))],
  ["hall-speaker", "/hall", HALL, steps(click(JOIN), pause(900), stage(HALL_PICTURE, SPEAKER), holds(SPEAKER), self({ onStage: true, arriving: ALL }), pause(900))],
  ["hall-microphone-off", "/hall", HALL, steps(click(JOIN), pause(900), self({ onStage: true, arriving: ALL }), click(/Tắt micro|Turn microphone off/), pause(400))],
  ["hall-leave-question", "/hall", HALL, steps(click(JOIN), pause(900), click(/^Rời|^Leave/), pause(400))],
  ["check-hall-denied", "/hall", { ...HALL, flags: deny }, pause(800)],
  ["check-scheduled", "/site", { ...SITE, state: "scheduled" }, pause(500)],
  ["link-ended", "/site", { ...SITE, state: "ended" }, pause(500)],
  ["link-invalid", "/site", { ...SITE, refuse: "token_invalid" }, pause(500)],
  ["link-not-yet", "/site", { ...SITE, refuse: "token_not_yet_valid" }, pause(500)],
  ["no-page", "/nonsense", SITE, pause(400)],
].map(([name, path, claims, act], index) => [name, path, claims.site ? { ...claims, site: COMMUNES[300 + index] } : claims, act]);
