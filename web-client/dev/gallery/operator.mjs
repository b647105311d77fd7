// States of the operator's and the chair's page.

import { readFileSync } from "node:fs";
import { ALL, end, fill, join, key, later, press, present, reads, say, self, steps, touch, until } from "./steps.mjs";
import { said } from "./words.mjs";

const CSV = new URL("../../../signaling/data/sites-vn-2025.csv", import.meta.url);
const SITES = new Map(
  readFileSync(CSV, "utf8").trim().split("\n").slice(1).map((line) => line.split(",")).map(([code, name, level, parent]) => [code, { name, level, parent }]),
);
const OPERATOR = { role: "operator" };
/** The Xã Tân Thành of Lâm Đồng, one of seven. */
const TAN_THANH = [...SITES].find(([, { name, parent }]) => name === "Xã Tân Thành" && parent === "68")?.[0];
const DA_LAT = [...SITES].find(([, { name }]) => name.includes("Đà Lạt"))[0];
const SOME = [...SITES].filter(([, { level }]) => level === "commune").map(([code]) => code);

/** Where the page begins. */
const open = steps(
  present("[data-filter]"),
  (page) => until(page, "the list of sites", () => page.evaluate(() => /3[.,\s]3/u.test(document.querySelector("[data-filter=all] .figure").textContent))),
  later(1_500),
);
/** In a narrow window one column is shown at a time. */
const tab = (index) => touch("nav button", index);
const stage = steps(open, tab(1));
const floor = steps(open, tab(2), later(1_250));
/** Nobody has the floor, or wants it. */
const nobody = say({ type: "floor", version: 9, holder: null, waiting: 0, queue: [] });
const search = (words) => steps(open, fill('input[type="search"]', words), later(500));
const grant = (index) => touch(".floor li [data-grant]", index);
const agree = steps(later(1_250), touch("[data-agree]"));
const filter = (name) => steps(open, touch(`[data-filter="${name}"]`), later(250));
const province = steps(open, (page) => page.locator("tbody th button", { hasText: "Lâm Đồng" }).evaluate((button) => button.click()), later(250));
const openFirst = steps(present(".entry .line"), touch(".entry .line"), present(".actions"));

/** A site as the server tells of it. */
function person(code, part = {}) {
  const { name, parent } = SITES.get(code);
  const usual = { role: "site", state: "present", device: 1, muted: false, media: "connected", sources: [], floor: "none" };
  return { participant: `P-${code}`, site: code, province: parent, name, ...usual, ...part };
}
const tell = (...changes) => say({ type: "participants", version: 9, full: false, changes, crowds: [] });
const onAir = (part) => steps(floor, tell(person(DA_LAT, { floor: "holding", sources: ["microphone", "camera"], ...part })), later(250));
const site = (part) => steps(search(TAN_THANH), tell(person(TAN_THANH, part)), openFirst);
/** Requests of this type get lost on the way. */
const swallow = (type) => (page) =>
  page.evaluate((lost) => {
    const socket = globalThis.__sockets.at(-1);
    const send = socket.send.bind(socket);
    socket.send = (data) => (JSON.parse(data).type === lost ? undefined : send(data));
  }, type);
const condition = (part) => ({ microphone: null, camera: null, mediaBlocked: false, ...part });

const state = (name, act, claims = OPERATOR, more = {}) => [`operator-${name}`, "/operator", claims, act, more];
const chair = (name, act, claims = {}) => [`chair${name}`, "/operator", { role: "chair", ...claims }, act];
const refused = (name, code) => state(`refused-${name}`, steps(floor, grant(0), agree, present("[data-notice]")), { ...OPERATOR, refuses: { grantFloor: code } }, { isBrief: true });

export const OPERATORS = [
  // Who is here.
  state("country", open),
  state("sorted", steps(open, touch("thead button", 3))),
  state("loading", steps(present("[data-filter]"), touch('[data-filter="present"]'), reads("operator.loading")), { ...OPERATOR, isListHeld: true }),
  state("loading-failed", steps(present("[data-filter]"), touch('[data-filter="present"]'), reads("operator.sites_failed")), { ...OPERATOR, hasNoList: true }),
  state("sites-failed", steps(present("[data-filter]"), reads("operator.sites_failed")), { ...OPERATOR, hasNoList: true }),
  state("province", steps(province, openFirst)),
  state("centre", steps(open, touch("tbody tr.centre button"), later(250))),
  ...["present", "lost", "absent", "suffering", "silent", "asking"].map((name) => state(name, filter(name))),
  state("nobody-asks", steps(province, touch('[data-filter="asking"]'), later(250))),
  state("search", search("tan thanh lam dong")),
  state("search-province", search("lam dong")),
  state("search-nothing", search("khong co dau")),
  state("barred", steps(open, say({ type: "barred", version: 9, count: 2, latest: [person(TAN_THANH), person(DA_LAT)].map((one) => ({ ...one, since: new Date().toISOString() })) }), touch("details summary"), later(250))),

  state("checks", steps(search("ha noi"), present(".entry .mark"), later(250)), { ...OPERATOR, checks: true }),
  state("check-by-code", steps(search("L1-K7QP"), openFirst), { ...OPERATOR, checks: true }),
  state("check-without-site", steps(search("K7QU"), present(".stray"), later(250)), { ...OPERATOR, checks: true }),

  // One site.
  state("site", site({})),
  state("site-absent", steps(filter("absent"), openFirst)),
  state("site-two-machines", steps(search(TAN_THANH), tell(person(TAN_THANH), person(TAN_THANH, { participant: "P-2", device: 2 })), openFirst)),
  state("site-muted", site({ muted: true })),
  state("site-cut", site({ muted: true, cut: true })),
  state("site-holding", site({ floor: "holding", sources: ["camera"], condition: condition({ microphone: "off", camera: "on" }) })),
  state("site-waiting", site({ floor: "waiting" })),
  state("site-blocked", site({ media: "none", condition: condition({ mediaBlocked: true }) })),
  state("site-poor", site({ score: 30, rung: "stills" })),
  state("site-silent", site({ media: "silent" })),
  state("site-undecodable", site({ undecodable: ["main"], ignoresKeyframeRequests: true })),
  state("site-watched", steps(site({ sources: ["camera"] }), press("operator.watch"), reads("operator.unwatch"))),
  state("site-lost", site({ state: "lost", media: "silent" })),
  state("remove", steps(site({}), press("operator.remove"), reads("operator.remove_question"))),

  // The floor.
  state("floor", floor),
  state("floor-nobody", steps(floor, nobody, later(250))),
  state("floor-many", steps(floor, say({ type: "floor", version: 9, holder: null, waiting: 73, queue: SOME.slice(40, 90).map((code, index) => ({ ...person(code), provinceName: SITES.get(SITES.get(code).parent).name, since: new Date(Date.now() - index * 21_000).toISOString() })) }), later(250))),
  state("question", steps(floor, grant(0), present("[data-agree]"))),
  state("question-no-media", steps(floor, grant(2), present("[data-agree]"))),
  state("question-key", steps(floor, key("r"), present("[data-agree]"))),
  state("going-up", steps(floor, grant(0), agree, reads("operator.going_up"))),
  state("undo", steps(floor, grant(0), agree, present("[data-undo]"), later(1_250))),
  state("undo-revoke", steps(floor, touch(".floor [data-revoke]"), present("[data-undo]"), later(1_250))),
  state("undo-granted", steps(floor, touch(".floor [data-revoke]"), present("[data-undo]"), later(8_000), later(1_250), grant(0), present("[data-undo]"), later(1_250))),
  state("invited", steps(floor, grant(2), agree, present(".card.invited"), later(3_000))),
  state("air-microphone-off", onAir({ sources: ["camera"], condition: condition({ microphone: "off", camera: "on" }) })),
  state("air-locked", onAir({ condition: condition({ microphone: "muted", camera: "muted" }) })),
  state("air-missing", onAir({ condition: condition({ microphone: "missing", camera: "on" }) })),
  state("air-silent", onAir({ condition: condition({ microphone: "silent", camera: "on" }) })),
  state("air-muted", onAir({ muted: true })),
  state("air-cut", onAir({ muted: true, cut: true })),
  state("air-lost", onAir({ state: "lost" })),
  state("air-blocked", onAir({ condition: condition({ mediaBlocked: true }) })),
  state("air-no-media", onAir({ media: "none" })),
  state("scheduled", steps(floor, say({ type: "conference", version: 9, id: "01JD8XZ3N7", title: "Hội nghị giao ban trực tuyến toàn quốc tháng 11", state: "scheduled" }), nobody, reads("operator.scheduled_hint"))),
  state("end", steps(floor, touch("button.end"), reads("operator.end_question"))),
  state("refused", steps(floor, grant(1), agree, reads("refused.lost"))),
  refused("gone", "participant_unknown"),
  refused("changed", "floor_not_held"),
  refused("overloaded", "overloaded"),
  refused("not-permitted", "not_permitted"),
  state("refused-timeout", steps(floor, swallow("grantFloor"), grant(0), agree, present("[data-notice]")), OPERATOR, { isBrief: true }),

  // The picture.
  state("stage", stage),
  state("stage-asked", steps(stage, tell(person(TAN_THANH, { staged: ["main"], muted: true })), later(250), reads("operator.asked"))),
  state("stage-empty", steps(stage, say({ type: "stage", version: 9, main: null, second: null, screen: null, speakers: [] }), later(250))),
  state("watching-many", steps(filter("present"), async (page) => {
    for (let index = 0; index < 6; index++) {
      await touch(".entry .line", index)(page);
      // The list is scrolled to what a pointer goes to, and its rows are then others.
      const watch = page.getByRole("button", { name: said("operator.watch") }).first();
      await until(page, "the button to watch a site", () => watch.isVisible());
      await watch.evaluate((button) => button.click());
      await later(100)(page);
    }
  }, tab(1), later(500))),
  state("watching-full", steps(filter("present"), async (page) => {
    for (let index = 0; index < 17; index++) {
      await fill('input[type="search"]', SOME[200 + index])(page);
      await later(250)(page);
      if ((await page.locator(".entry.present").count()) === 0) continue;
      await touch(".entry .line")(page);
      await press("operator.watch")(page);
      await touch(".entry .line")(page);
    }
  }, fill('input[type="search"]', ""), tab(1), later(500))),

  // Around it.
  state("help", steps(open, key("?"), present("dialog[open]"))),
  state("leave", steps(open, press("app.leave"), reads("leave.moderator"))),
  state("lost-line", steps(floor, (page) => page.context().setOffline(true), end(1006), reads("link.lost"))),
  ...["thumbnail", "second", "main", "audio", "over"].map((trouble) => state(`trouble-${trouble}`, steps(open, present(".notice")), { ...OPERATOR, trouble })),
  state("trouble-refused", steps(open, say({ type: "trouble", version: 9, refused: { conferenceFull: 12, serverFull: 3, overloaded: 128 }, overload: null }), present(".notice"))),
  chair("", steps(join, tab(1), reads("device.turn_off_microphone"))),
  chair("-on-stage", steps(join, self({ onStage: true, arriving: ALL }), tab(1))),
  chair("-denied", steps(join, tab(1), present(".own .notice")), { flags: { fails: { both: "NotAllowedError" } } }),
  chair("-help", steps(join, key("?"), present("dialog[open]"))),
];
