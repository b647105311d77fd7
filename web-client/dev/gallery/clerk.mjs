// States of the check page, of a clerk's, the hall's and an observer's page, and of the pages that only say something.

import { ALL, end, join, later, present, press, reads, say, self, steps, touch } from "./steps.mjs";

const SITE = { role: "site", site: "00004" };
const HALL = { role: "hall" };
/** What arrives of whoever is muted. */
const PICTURE = { microphone: false, camera: true };

const LONG = "Xã Phước Mỹ Trung Hòa Khánh";
const who = (participant, name, source = "camera") => ({ participant, site: null, name, source });
const stage = (main, second, screen = null) => say({ type: "stage", version: 9, main, second, screen, speakers: [] });
const HALL_PICTURE = who("P-HALL", "Hội trường Trung ương");
const HALL_SCREEN = who("P-HALL", "Hội trường Trung ương", "screen");
const SPEAKER = { ...who("P-00119", LONG), provinceName: "Thành phố Hồ Chí Minh" };
const holds = (holder) => say({ type: "floor", version: 9, holder: holder && { ...holder, since: new Date().toISOString() }, waiting: 0, queue: [] });

const ask = steps(join, press("floor.ask"), reads("floor.waiting"));
/** The site has asked, has the floor, and is seen and heard. */
const speaking = (arriving = ALL) =>
  steps(ask, self({ floor: "holding", onStage: true }), present(".onAir"), self({ floor: "holding", onStage: true, arriving }));
const line = (rung) => steps(join, say({ type: "line", version: 9, rung }));
const event = (kind, name) => (page) =>
  page.evaluate(([of, what]) => globalThis.__tracks.filter((track) => track.kind === of).forEach((track) => track.dispatchEvent(new Event(what))), [kind, name]);
const muteTrack = (kind) => async (page) => {
  await page.evaluate((of) => globalThis.__tracks.filter((track) => track.kind === of).forEach((track) => Object.defineProperty(track, "muted", { value: true })), kind);
  await event(kind, "mute")(page);
};
const connection = (state) => (page) => page.evaluate((to) => globalThis.__peer.become(to), state);
/** What comes in is as the page's own figures say it, more and more of it. */
const stats = (entry) => (page) => page.evaluate((of) => globalThis.__stats.set("in", { type: "inbound-rtp", kind: "video", ...of }), entry);
const poor = steps(join, stats({ timestamp: 1_000, packetsReceived: 0, packetsLost: 0 }), later(2_250), stats({ timestamp: 3_000, packetsReceived: 900, packetsLost: 600, framesDecoded: 5 }), later(2_250));
const fair = steps(join, stats({ timestamp: 1_000, packetsReceived: 0, packetsLost: 0 }), later(2_250), stats({ timestamp: 3_000, packetsReceived: 970, packetsLost: 30, framesDecoded: 40 }), later(2_250));

const ended = (before, after) => steps(ask, self(before), self({ ...after }), later(250));
const refused = (code) => [`clerk-refused-${code}`, "/site", { ...SITE, refuses: { requestFloor: code } }, steps(join, press("floor.ask"), present("[aria-live=assertive] .notice")), { isBrief: true }];
const over = (name, claims, act) => [`over-${name}`, "/site", { ...SITE, ...claims }, act];
const AWAY = (reason, code) => over(reason, {}, steps(join, end(code, reason), reads(`over.${reason}_title`)));
const trouble = (kind, name, fault) =>
  [`check-${kind}-${name}`, "/hall", { ...HALL, flags: { fails: { [kind]: fault } } }, reads(`problem.${kind}.${name}`), { isBrief: true }];
const BROWSERS = {
  chromium: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
  edge: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36 Edg/156.0.0.0",
  firefox: "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:153.0) Gecko/20100101 Firefox/153.0",
  safari: "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15",
  iphone: "Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1",
  android: "Mozilla/5.0 (Linux; Android 16; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Mobile Safari/537.36",
};
const denied = Object.entries(BROWSERS).map(([name, userAgent]) => [
  `clerk-denied-${name}`,
  "/site",
  { ...SITE, flags: { fails: { both: "NotAllowedError" } } },
  steps(join, press("floor.ask"), present(".floor .notice")),
  { userAgent, isBrief: name !== "chromium" },
]);

export const CLERK = [
  // Before the join.
  ["check-site", "/site", SITE, reads("check.join_watch")],
  ["check-site-devices", "/site", SITE, steps(press("check.try_devices"), reads("check.level_heard"))],
  ["check-site-silent", "/site", { ...SITE, flags: { isSilent: true } }, steps(press("check.try_devices"), reads("check.level_idle"))],
  ["check-asking", "/hall", { ...HALL, flags: { asks: true } }, reads("check.asking")],
  ["check-hall", "/hall", HALL, steps(reads("check.join_speak"), reads("check.level_heard"))],
  ["check-hall-unnamed", "/hall", { ...HALL, flags: { areUnnamed: true } }, reads("check.level_heard"), { isBrief: true }],
  ["check-observer", "/observer", { role: "observer" }, reads("check.join_watch")],
  ["check-chair", "/operator", { role: "chair" }, reads("check.join_speak")],
  ["check-scheduled", "/site", { ...SITE, state: "scheduled" }, reads("check.not_begun")],
  ["check-sound", "/site", SITE, steps(press("device.test_sound"), reads("device.test_hint"))],
  ["check-sound-failed", "/site", { ...SITE, flags: { isQuiet: true } }, steps(press("device.test_sound"), reads("device.test_failed"))],
  ["check-hall-denied", "/hall", { ...HALL, flags: { fails: { both: "NotAllowedError" } } }, reads("check.lacking_both")],
  ["check-hall-dismissed", "/hall", { ...HALL, flags: { fails: { both: "dismissed" } } }, reads("problem.dismissed")],
  ["check-hall-no-microphone", "/hall", { ...HALL, flags: { fails: { microphone: "NotFoundError" } } }, reads("check.lacking_microphone")],
  ["check-hall-no-camera", "/hall", { ...HALL, flags: { fails: { camera: "NotFoundError" } } }, reads("check.lacking_camera")],
  ["check-hall-insecure", "/hall", { ...HALL, flags: { isInsecure: true } }, reads("problem.microphone.insecure")],
  ...["microphone", "camera"].flatMap((kind) => [
    trouble(kind, "denied", "NotAllowedError"),
    trouble(kind, "missing", "NotFoundError"),
    trouble(kind, "busy", "NotReadableError"),
    trouble(kind, "unsupported", "NotSupportedError"),
    trouble(kind, "unknown", "OddError"),
    [`check-${kind}-unplugged`, "/hall", HALL, steps(reads("check.level_heard"), event(kind === "camera" ? "video" : "audio", "ended"), reads(`problem.${kind}.unplugged`)), { isBrief: true }],
  ]),

  // A clerk who watches.
  ["clerk", "/site", SITE, join],
  ["clerk-observer", "/observer", { role: "observer" }, join],
  ["clerk-watching-two", "/site", SITE, steps(join, stage(HALL_PICTURE, SPEAKER), holds(SPEAKER), reads("presence.speaks"))],
  ["clerk-watching-three", "/site", SITE, steps(join, stage(HALL_PICTURE, SPEAKER, HALL_SCREEN), holds(SPEAKER), reads("presence.speaks"))],
  ["clerk-enlarged", "/site", SITE, steps(join, stage(HALL_PICTURE, SPEAKER), holds(SPEAKER), press("stage.enlarge"), present(".enlarge"))],
  ["clerk-no-hall", "/site", SITE, steps(join, stage(null, null), holds(null), reads("presence.nobody_speaks"))],
  ["clerk-no-picture", "/site", SITE, steps(join, (page) => page.evaluate(() => globalThis.__peer.lines.forEach(({ receiver }) => receiver.track?.stop())), say({ type: "stage", version: 9, main: HALL_PICTURE, second: null, screen: null, speakers: [] }), reads("stage.no_picture"))],
  ["clerk-undecodable", "/site", SITE, steps(join, say({ type: "undecodable", version: 9, places: ["main"] }), reads("stage.undecodable"))],
  ["clerk-sound-blocked", "/site", { ...SITE, flags: { isQuiet: true } }, steps(join, reads("stage.blocked"))],
  ["clerk-scheduled", "/site", { ...SITE, state: "scheduled" }, steps(join, say({ type: "conference", version: 9, id: "01JD8XZ3N7", title: "Hội nghị giao ban trực tuyến toàn quốc tháng 11", state: "scheduled" }), stage(null, null), holds(null), reads("floor.not_running"))],
  ["clerk-saving", "/site", SITE, steps(join, press("stage.save"), reads("stage.save_no_more"))],
  ["clerk-slow-machine", "/site", { ...SITE, flags: { isSlow: true } }, steps(join, reads("stage.slow_machine"))],
  ["clerk-device-menu-idle", "/site", SITE, steps(join, press("device.menu"), present("dialog[open]"))],

  // Its line.
  ["clerk-connecting", "/site", { ...SITE, flags: { isBlocked: true } }, steps(join, reads("floor.media_connecting"))],
  ["clerk-blocked", "/site", { ...SITE, flags: { isBlocked: true } }, steps(join, later(9_000), reads("stage.blocked_title"))],
  ["clerk-interrupted", "/site", SITE, steps(join, connection("disconnected"), reads("link.media_lost"))],
  ["clerk-line-fair", "/site", SITE, steps(fair, reads("link.fair")), { isBrief: true }],
  ["clerk-line-poor", "/site", SITE, steps(poor, reads("link.poor"))],
  ...["low", "stills", "sound"].map((rung) => [`clerk-line-${rung}`, "/site", SITE, steps(line(rung), reads(`link.rung_${rung}`)), { isBrief: true }]),
  ["clerk-lost", "/site", SITE, steps(join, (page) => page.context().setOffline(true), end(1006), reads("floor.no_line"))],
  ["clerk-restarting", "/site", SITE, steps(join, (page) => page.context().setOffline(true), end(1012, "restarting"), reads("waiting.restarting_text")), { isBrief: true }],
  ["clerk-overloaded", "/site", SITE, steps(join, (page) => page.context().setOffline(true), end(4013, "overloaded"), reads("waiting.overloaded_text")), { isBrief: true }],

  // A clerk who asks, waits and speaks.
  ["clerk-asking", "/site", { ...SITE, flags: { asks: true } }, steps(join, press("floor.ask"), reads("floor.asking_devices"))],
  ["clerk-waiting", "/site", SITE, steps(ask, self({ floor: "waiting", position: 12 }), reads("floor.position"))],
  ["clerk-waiting-muted", "/site", SITE, steps(ask, self({ floor: "waiting", position: 12, muted: true }), reads("floor.muted"))],
  ["clerk-looked-at", "/site", SITE, steps(ask, self({ floor: "waiting", position: 2 }), say({ type: "wanted", version: 9, layers: { camera: 1 } }), reads("floor.looked_at"))],
  ["clerk-invited", "/site", SITE, steps(join, self({ floor: "holding" }), reads("floor.invited"))],
  ["clerk-returning", "/site", SITE, steps(join, (page) => page.reload(), present(".stage"), later(500), self({ floor: "holding" }), reads("floor.returning"))],
  ["clerk-settling", "/site", SITE, steps(ask, self({ floor: "holding", onStage: true }), reads("air.settling"))],
  ["clerk-on-air", "/site", SITE, steps(speaking(), stage(HALL_PICTURE, who("P-00004", "Phường Ba Đình")), reads("air.both"))],
  ["clerk-on-air-alone", "/site", SITE, steps(speaking(), stage(who("P-00004", "Phường Ba Đình"), null), reads("stage.only_own"))],
  ["clerk-on-air-phone", "/site", SITE, steps(speaking(), reads("device.turn_camera")), { hasTouch: true }],
  ["clerk-on-air-screen", "/site", SITE, steps(speaking(), press("device.share_screen"), reads("device.stop_screen"))],
  ["clerk-on-air-microphone-off", "/site", SITE, steps(speaking(), press("device.turn_off_microphone"), reads("air.seen"))],
  ["clerk-on-air-camera-off", "/site", SITE, steps(speaking(), press("device.turn_off_camera"), reads("air.heard"))],
  ["clerk-on-air-both-off", "/site", SITE, steps(speaking(), press("device.turn_off_microphone"), press("device.turn_off_camera"), reads("air.neither"))],
  ["clerk-on-air-unplugged", "/site", SITE, steps(speaking(), event("audio", "ended"), reads("air.seen"))],
  ["clerk-on-air-camera-unplugged", "/site", SITE, steps(speaking(), event("video", "ended"), reads("air.heard"))],
  ["clerk-on-air-locked", "/site", SITE, steps(speaking(), muteTrack("audio"), muteTrack("video"), reads("air.neither"))],
  ["clerk-on-air-silent", "/site", { ...SITE, flags: { isSilent: true } }, steps(speaking(), later(6_000), reads("air.nothing_heard"))],
  ["clerk-on-air-unsent", "/site", SITE, steps(speaking({ microphone: false, camera: false }), later(4_800), reads("air.neither"))],
  ["clerk-on-air-unheard", "/site", SITE, steps(speaking(PICTURE), later(4_800), reads("air.seen")), { isBrief: true }],
  ["clerk-on-air-unseen", "/site", SITE, steps(speaking({ microphone: true, camera: false }), later(4_800), reads("air.heard")), { isBrief: true }],
  ["clerk-on-stage", "/site", SITE, steps(ask, self({ onStage: true, arriving: ALL }), reads("floor.on_stage"))],
  ["clerk-picture-invited", "/site", SITE, steps(join, self({ onStage: true, muted: true }), reads("floor.picture_invited"))],
  ["clerk-shown", "/site", SITE, steps(ask, self({ onStage: true, muted: true }), present(".shown"), self({ onStage: true, muted: true, arriving: { microphone: false, camera: true } }), reads("floor.shown_hint"))],
  ["clerk-shown-settling", "/site", SITE, steps(ask, self({ onStage: true, muted: true }), reads("floor.shown_settling")), { isBrief: true }],
  ["clerk-shown-camera-off", "/site", SITE, steps(ask, self({ onStage: true, muted: true }), present(".shown"), press("device.turn_off_camera"), reads("air.neither")), { isBrief: true }],
  ["clerk-muted", "/site", SITE, steps(speaking(), self({ floor: "holding", onStage: true, muted: true, arriving: PICTURE }), reads("floor.muted_seen_hint"))],
  ["clerk-muted-camera-off", "/site", SITE, steps(speaking(), self({ floor: "holding", onStage: true, muted: true }), press("device.turn_off_camera"), reads("floor.muted_hint")), { isBrief: true }],
  ["clerk-cut", "/site", SITE, steps(speaking(), self({ floor: "holding", onStage: true, muted: true, cut: true }), reads("floor.cut"))],
  ["clerk-device-menu", "/site", SITE, steps(speaking(), press("device.menu"), present("dialog[open]"))],
  ["clerk-leave-speaking", "/site", SITE, steps(speaking(), press("app.leave"), reads("leave.speaking"))],
  ["clerk-leave-waiting", "/site", SITE, steps(ask, press("app.leave"), reads("leave.waiting"))],
  ["clerk-ended-revoked", "/site", SITE, steps(ended({ floor: "holding" }, { lastTurn: "revoked" }), reads("ended.revoked"))],
  ["clerk-ended-passed-on", "/site", SITE, steps(ended({ floor: "holding" }, { lastTurn: "passedOn" }), reads("ended.passed_on")), { isBrief: true }],
  ["clerk-ended-over", "/site", SITE, steps(ended({ floor: "holding" }, {}), reads("ended.over")), { isBrief: true }],
  ["clerk-ended-wait", "/site", SITE, steps(ended({ floor: "waiting", position: 3 }, { lastTurn: "withdrawn" }), reads("ended.wait")), { isBrief: true }],
  ["clerk-ended-wait-moved", "/site", SITE, steps(ended({ floor: "waiting", position: 3 }, { lastTurn: "moved" }), reads("ended.wait_moved")), { isBrief: true }],
  ["clerk-ended-off-stage", "/site", SITE, steps(ended({ onStage: true }, {}), reads("ended.off_stage")), { isBrief: true }],
  ...["waiting", "holding"].map((floor) => [`clerk-ended-lost-${floor}`, "/site", { ...SITE, forgets: true }, steps(ask, self({ floor, position: floor === "waiting" ? 2 : null }), end(1006), later(1_500), reads(floor === "waiting" ? "ended.wait_lost" : "ended.lost"), reads("ended.ask_again"))]),
  ["clerk-stands-by", "/site", SITE, steps(join, self({ device: 2, standsBy: true }), reads("seat.stands_by"))],
  ["clerk-only-watches", "/site", SITE, steps(join, self({ device: 2, standsBy: true }), press("seat.only_watch"), reads("seat.only_watches"))],
  ["clerk-took-over", "/site", { ...SITE, tookOver: true }, steps(join, reads("seat.took_over"))],
  ...denied,
  ...["not_permitted", "floor_not_requested", "floor_not_held", "floor_already_requested", "conference_not_running", "overloaded", "rate_limited", "no_media", "bad_offer", "stand_by", "strange_code"].map(refused),

  // The hall.
  ["hall", "/hall", HALL, steps(join, self({ onStage: true, arriving: ALL }), reads("hall.sound_on_air"))],
  ["hall-speaker", "/hall", HALL, steps(join, stage(HALL_PICTURE, SPEAKER), holds(SPEAKER), self({ onStage: true, arriving: ALL }), reads("hall.sound_on_air"))],
  ["hall-screen", "/hall", HALL, steps(join, press("device.share_screen"), reads("device.stop_screen"))],
  ["hall-microphone-off", "/hall", HALL, steps(join, self({ onStage: true, arriving: ALL }), press("device.turn_off_microphone"), reads("hall.no_sound"))],
  ["hall-both-off", "/hall", HALL, steps(join, self({ onStage: true, arriving: ALL }), press("device.turn_off_microphone"), press("device.turn_off_camera"), reads("hall.no_picture"))],
  ["hall-denied", "/hall", { ...HALL, flags: { fails: { both: "NotAllowedError" } } }, steps(join, self({ onStage: true }), reads("hall.no_picture"))],
  ["hall-muted", "/hall", HALL, steps(join, self({ onStage: true, muted: true, arriving: PICTURE }), reads("hall.muted"), reads("hall.picture_on_air"))],
  ["hall-cut", "/hall", HALL, steps(join, self({ onStage: true, muted: true, cut: true }), reads("hall.cut"), reads("hall.no_picture"))],
  ["hall-choosing", "/hall", HALL, steps(join, touch("details summary"), later(250))],
  ["hall-leave-question", "/hall", HALL, steps(join, press("app.leave"), reads("leave.hall"))],

  // Pages that only say something.
  ["opening", "/site", { isBareCode: true, isHeld: true }, reads("waiting.joining_title")],
  ["waiting-network", "/site", SITE, steps(reads("check.join_watch"), (page) => page.waitForLoadState("networkidle"), (page) => page.context().setOffline(true), press("check.join_watch"), reads("waiting.first_title"))],
  ["waiting-restarting", "/site", { ...SITE, refuse: "restarting", close: 1012 }, steps(press("check.join_watch"), reads("waiting.restarting_title"))],
  ["waiting-overloaded", "/site", { ...SITE, refuse: "overloaded", close: 4013 }, steps(press("check.join_watch"), reads("waiting.overloaded_title"))],
  ["waiting-not-yet", "/site", { ...SITE, refuse: "token_not_yet_valid" }, reads("waiting.token_not_yet_valid_title")],
  ["waiting-not-open", "/site", { ...SITE, refuse: "conference_not_open", close: 4015, opensAt: "2026-11-30T00:30:00Z" }, steps(press("check.join_watch"), reads("waiting.conference_not_open_at"))],
  ["waiting-not-open-unknown", "/site", { ...SITE, refuse: "conference_not_open", close: 4015 }, steps(press("check.join_watch"), reads("waiting.conference_not_open_text")), { isBrief: true }],
  over("left", {}, steps(join, press("app.leave"), reads("over.left_title"))),
  ...Object.entries({ replaced: 4001, taken_over: 4002, removed: 4010, conference_ended: 4009 }).map(([reason, code]) => AWAY(reason, code)),
  over("outdated", { refuse: "unsupported_protocol", close: 4000 }, steps(press("check.join_watch"), reads("over.outdated_title"))),
  ...Object.entries({ conference_full: 4011, server_full: 4012, conference_unknown: 4009, conference_cancelled: 4009, not_permitted: 4003, not_invited: 4016 }).map(([refuse, close]) => over(refuse, { refuse, close }, steps(press("check.join_watch"), reads(`over.${refuse}_title`)))),
  ...["token_invalid", "token_expired", "token_revoked"].map((refuse) => over(refuse, { refuse }, reads(`over.${refuse}_title`))),
  ["over-token_missing", "/", null, reads("over.token_missing_title")],
  ["over-link_elsewhere", "/site", { isBareCode: true }, reads("over.link_elsewhere_title")],
  ["over-no_page", "/nonsense", SITE, reads("over.no_page_title")],
];

