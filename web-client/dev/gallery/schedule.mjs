// States of the schedule, of a booking, and of the page behind a site's short link.

import { fill, key, later, present, press, reads, soon, steps, touch } from "./steps.mjs";

const brief = { isBrief: true };
const office = (name, hash, act, { more = {}, ...options } = {}) => [`schedule-${name}`, "/office", { office: { as: "admin", hash, ...more } }, act, options];
const booking = (name, of, act, options) => office(name, `#/schedule/${of}`, steps(present("main .form, main .totals, main .map"), later(300), act), options);
const nothing = () => undefined;
const held = [503, { code: "overloaded", message: "mock" }];

const site = (name, invitation, act, options = {}, claims = {}) => [`reply-${name}`, "/m/7KQM2FJX9VTP3HWS", { ...claims, office: { hash: "", invitation } }, act, options];
const asked = present(".what h1");
const choose = (index) => touch("input[type=radio]", index);
const hours = (count) => new Date(Date.now() + count * 3_600_000).toISOString();

export const SCHEDULES = [
  // The home of an operator.
  office("home", "#/", steps(present(".attention li"), later(200))),
  office("home-quiet", "#/", steps(reads("home.all_well"), later(200)), { more: { isEmpty: true }, ...brief }),
  office("home-refused", "#/", steps(reads("office.refused.overloaded"), later(200)), { more: { refuses: { "GET /bookings": held } }, ...brief }),

  // The calendar.
  office("month", "#/schedule", steps(present(".month a"), later(200))),
  office("week", "#/schedule?view=week", steps(present(".week a"), later(200))),
  office("list", "#/schedule?view=list", steps(present(".list a"), later(200))),
  office("list-empty", "#/schedule?view=list", steps(present(".calendar p"), later(200)), { more: { isEmpty: true }, ...brief }),
  office("refused", "#/schedule", reads("office.refused.overloaded"), { more: { refuses: { "GET /bookings": held } }, ...brief }),
  office("keys", "#/schedule", steps(present(".month a"), key("ArrowRight"), later(100), key("ArrowDown"), later(300)), brief),

  // A booking.
  office("new", "#/schedule/new", steps(present(".form"), press("booking.save_draft"), reads("booking.fault_title"))),
  booking("draft", "01JDB3", steps(touch(".fold", 3), later(400))),
  booking("draft-nobody", "01JDB3", steps(press("booking.publish"), reads("booking.fault_audience")), brief),
  booking("draft-chair", "01JDB3", steps((page) => page.selectOption("main select:has(option[value=account])", "account"), fill(".search input >> nth=-1", "an"), present(".search li")), brief),
  booking("series", "01JDB0", later(200)),
  booking("conflict", "01JDB2", reads("booking.changed_notice")),
  booking("told", "01JDB1", steps(fill("input[type=time] >> nth=0", "15:00"), later(200))),
  booking("cancelled", "01JDB5", nothing, brief),
  booking("cancel", "01JDB1", steps(press("booking.cancel"), present("dialog")), brief),
  booking("exceptions", "01JDB0", steps(press("exception.open"), present("dialog li"), touch("dialog li .acts button", 5), later(200))),
  booking("paste", "01JDB3", steps(press("audience.paste"), present("dialog textarea"), later(600), fill("dialog textarea", "00004\n8\n99999"), present("dialog .notice")), brief),
  booking("stale", "01JDB1", steps(fill("input[type=time] >> nth=0", "15:00"), press("booking.save"), reads("booking.stale")), {
    more: { refuses: { "PATCH /bookings/01JDB1": [409, { code: "booking_stale", message: "the booking is at version 4, not at 3" }] } },
    ...brief,
  }),
  booking("renewed", "01JDB1", steps(fill("input[type=time] >> nth=0", "15:00"), press("booking.save"), press("booking.renew"), reads("booking.renewed")), {
    more: { refuses: { "PATCH /bookings/01JDB1": [409, { code: "booking_stale", message: "the booking is at version 4, not at 3" }] } },
  }),
  booking("invitations", "01JDB1?tab=invitations", present("tbody tr")),
  booking("invitations-again", "01JDB2?tab=invitations", present("tbody tr"), brief),
  booking("invitations-province", "01JDB1?tab=invitations", steps(present("tbody tr"), (page) => page.selectOption("main select", "68"), later(500)), brief),
  booking("invitations-sent", "01JDB1?tab=invitations", steps(present("tbody tr"), touch(".acts .primary"), present("main .notice.good")), brief),
  booking("link", "01JDB1?tab=invitations", steps(present("tbody tr"), touch("tbody tr .acts button"), present("dialog .url"))),
  booking("ready", "01JDB1?tab=readiness", steps(present(".both li"), later(400))),
  booking("ready-province", "01JDB1?tab=readiness", steps(present(".both li"), touch(".map button", 9), later(400)), brief),

  // A site's page.
  site("asked", {}, asked),
  site("excused", {}, steps(asked, choose(1), press("reply.send"), reads("reply.lacks_reason"))),
  site("sends", {}, steps(asked, choose(2), press("reply.send"), reads("reply.lacks_who")), brief),
  site("count", {}, steps(asked, fill("input[inputmode=numeric]", "x"), press("reply.send"), reads("reply.lacks_count")), brief),
  site("sent", {}, steps(asked, fill("input[inputmode=numeric]", "12"), press("reply.send"), reads("reply.told_coming"))),
  site("told-excused", { reply: { is: "excused", reason: "Đang tập trung chống bão", at: hours(-2) } }, steps(asked, reads("reply.told_excused")), brief),
  site("told-sends", { reply: { is: "sends", who: "Bà Hoàng Thị Lan, Phó Chủ tịch", count: 3, at: hours(-2) }, mustBeToldAgain: true }, steps(asked, reads("reply.told_sends")), brief),
  site("not-sent", { isFull: true }, steps(asked, press("reply.send"), reads("reply.failed")), brief),
  site("open", { state: "open", opensAt: hours(-0.2), startsAt: hours(0.2), checksIn: [] }, steps(asked, reads("reply.enter"))),
  site("elsewhere", { zone: "Asia/Tokyo", kind: "training" }, steps(asked, reads("reply.your_time")), brief),
  site("cancelled", { state: "cancelled", reason: "bão đổ bộ sớm", kind: "briefing" }, steps(asked, reads("reply.cancelled_because")), brief),
  site("cancelled-plainly", { state: "cancelled" }, steps(asked, reads("reply.cancelled")), brief),
  site("over", { state: "over", startsAt: hours(-20), checksIn: [] }, steps(asked, reads("reply.over")), brief),
  site("unknown", { refused: "not_found" }, reads("reply.unknown_text"), brief),
  ["reply-unreached", "/m/7KQM2FJX9VTP3HWS", { office: { hash: "", refuses: { "GET /invitation/7KQM2FJX9VTP3HWS": held } } }, reads("reply.unreached"), brief],
  ["reply-loading", "/m/7KQM2FJX9VTP3HWS", { office: { hash: "", holds: ["GET /invitation/7KQM2FJX9VTP3HWS"] } }, reads("reply.loading"), brief],
  site("looks", {}, steps(asked, press("reply.look"), soon(".outcome .word", 40_000))),
];
