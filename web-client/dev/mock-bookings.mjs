// The make-believe server's calendar: what is planned, who is invited and replies, and what the sites' pages are told.

import { readFileSync } from "node:fs";

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const ZONE = "Asia/Ho_Chi_Minh";
/** Hanoi's clocks. */
const AHEAD_MS = 7 * 60 * MINUTE_MS;

/** The moment of an hour in Hanoi, so many days from today. */
function at(days, hour) {
  const midnight = Math.floor((Date.now() + AHEAD_MS) / DAY_MS) * DAY_MS - AHEAD_MS;
  return midnight + days * DAY_MS + hour * 60 * MINUTE_MS;
}
const local = (moment) => new Date(moment + AHEAD_MS).toISOString().slice(0, 19);
const dayOf = (moment) => local(moment).slice(0, 10);

const DETAILS = {
  zone: ZONE,
  durationMinutes: 90,
  kind: "briefing",
  hall: "VN",
  chair: { name: "Ông Nguyễn Văn Thành, Thứ trưởng" },
  operators: ["01JDA0"],
  audience: { all: true, levels: ["province", "commune"], except: ["24769"] },
  agenda: [
    { title: "Khai mạc, điểm danh", speaker: "VN", minutes: 10, documents: [{ name: "Chương trình họp" }] },
    { title: "Báo cáo tình hình mưa lũ và phương án sơ tán dân", speaker: "46", minutes: 35, documents: [{ name: "Báo cáo số 214", note: "gửi trước ngày họp" }] },
    { title: "Thảo luận", minutes: 35, documents: [] },
    { title: "Kết luận", speaker: "VN", minutes: 10, documents: [] },
  ],
  opensMinutesBefore: 60,
  doors: { sites: 30 },
  language: "vi",
  exceptions: [],
  invited: 3_355,
  notice: 1,
  version: 3,
  state: "published",
};

/** What is planned, by id: a series, one that was changed, a draft, one that is cancelled, and others. */
function plan() {
  const booking = (id, days, hour, part) => ({ ...DETAILS, id, title: "Giao ban trực tuyến toàn quốc", startsAtLocal: local(at(days, hour)), ...part });
  const monday = -((new Date(at(0, 12) + AHEAD_MS).getUTCDay() + 6) % 7);
  const series = booking("01JDB0", monday - 28, 8, { title: "Giao ban tuần", rule: "FREQ=WEEKLY;BYDAY=MO;COUNT=30" });
  series.exceptions = [
    { date: dayOf(at(monday + 14, 8)), isLeftOut: true },
    { date: dayOf(at(monday + 21, 8)), startsAtLocal: local(at(monday + 22, 14)) },
  ];
  return new Map(
    [
      series,
      booking("01JDB1", 0, 14, { title: "Hội nghị ứng phó bão số 12", kind: "meeting", durationMinutes: 120 }),
      booking("01JDB2", 1, 9, { title: "Triển khai dịch vụ công trực tuyến", kind: "meeting", state: "changed", version: 5, notice: 5 }),
      booking("01JDBA", 0, Math.floor(((Date.now() + AHEAD_MS) % DAY_MS) / 3_600_000), { title: "Giao ban phòng chống thiên tai", durationMinutes: 120 }),
      booking("01JDB3", 3, 8, { title: "Tập huấn chuyển đổi số cho cán bộ xã", kind: "training", state: "draft", durationMinutes: 180, invited: 0, audience: {} }),
      booking("01JDB4", 1, 9.5, { title: "Họp trực tuyến với 14 tỉnh miền núi", kind: "meeting", invited: 812 }),
      booking("01JDB5", 6, 15, { title: "Sơ kết công tác quý", state: "cancelled", reason: "Trùng với kỳ họp Quốc hội" }),
      booking("01JDB6", 1, 10, { title: "Tập huấn phần mềm hộ tịch", kind: "training", invited: 1_204 }),
      booking("01JDB7", 1, 14, { title: "Giao ban khối y tế", invited: 640 }),
      booking("01JDB8", -9, 8, { title: "Tổng kết diễn tập phòng thủ dân sự", state: "past" }),
    ].map((one) => [one.id, one]),
  );
}

/** The days on which a booking takes place. */
function daysOf(booking) {
  const first = Date.parse(`${booking.startsAtLocal}Z`) - AHEAD_MS;
  const count = Number(/COUNT=(\d+)/u.exec(booking.rule ?? "")?.[1] ?? 1);
  return Array.from({ length: count }, (_, week) => first + week * 7 * DAY_MS).flatMap((moment) => {
    const exception = booking.exceptions.find(({ date }) => date === dayOf(moment));
    if (exception?.isLeftOut) return [];
    const startsAt = exception?.startsAtLocal ? Date.parse(`${exception.startsAtLocal}Z`) - AHEAD_MS : moment;
    const { id, title, kind, durationMinutes, zone, hall, invited } = booking;
    const isOver = startsAt + durationMinutes * MINUTE_MS < Date.now();
    const state = isOver && booking.state !== "cancelled" ? "past" : booking.state;
    const isOpen = state !== "cancelled" && startsAt - 60 * MINUTE_MS < Date.now() && !isOver;
    return [{ ...(isOpen && { phase: startsAt < Date.now() ? "running" : "scheduled" }), booking: id, occurrence: dayOf(moment), conference: `${id}-1`, title, kind, startsAt: new Date(startsAt).toISOString(), durationMinutes, zone, state, hall, invited }];
  });
}

const REPLIES = [
  null,
  { is: "coming", count: 12 },
  { is: "coming" },
  { is: "sends", who: "Bà Hoàng Thị Lan, Phó Chủ tịch", count: 3 },
  { is: "excused", reason: "Đang tập trung chống bão, mất điện diện rộng" },
];
const STATES = ["opened", "sent", "sent", "refused", "opened", "notSent", "sent", "queued"];
/** Of what whoever phones is told. */
const CAUSES = Object.keys(JSON.parse(readFileSync(new URL("../src/locales/office/vi.json", import.meta.url), "utf8")).phone);
const TABLE = JSON.parse(readFileSync(new URL("../../signaling/src/check/causes.json", import.meta.url), "utf8"));

/** Puts a calendar into the office. */
export function planBookings(office) {
  const kept = { state: undefined, bookings: new Map() };
  /** Each state of the gallery begins with the same calendar. */
  const bookings = () => {
    if (kept.state !== office.state) Object.assign(kept, { state: office.state, bookings: office.state.isEmpty ? new Map() : plan() });
    return kept.bookings;
  };
  const unknown = [404, { code: "not_found", message: "mock" }];
  const of = ({ booking }) => bookings().get(booking);
  const told = (params, change) => {
    const found = of(params);
    if (found === undefined) return unknown;
    const next = { ...found, ...change, version: found.version + 1 };
    bookings().set(next.id, next);
    return next;
  };
  const communes = office.sites.filter(({ level }) => level === "commune");
  const invited = () => office.sites.filter(({ level }) => level !== "central");
  const provinceOf = (site) => (site.level === "province" ? site.code : site.parentCode);
  const invitation = (site, index) => ({
    site: site.code,
    name: site.name,
    province: provinceOf(site),
    state: STATES[index % STATES.length],
    channel: "mail",
    mustBeToldAgain: index % 11 === 3,
    reply: REPLIES[index % REPLIES.length],
  });

  const between = (query) => {
    const [from, to] = [Date.parse(query.get("from")), Date.parse(query.get("to"))];
    const all = [...bookings().values()].flatMap(daysOf).filter(({ startsAt }) => Date.parse(startsAt) >= from && Date.parse(startsAt) < to);
    return all.sort((one, other) => Date.parse(one.startsAt) - Date.parse(other.startsAt));
  };
  office.on("GET", "/bookings", ({ query }) => between(query));
  office.on("GET", "/bookings/days", ({ query }) => {
    const day = new Intl.DateTimeFormat("sv-SE", { timeZone: query.get("zone") ?? "UTC", dateStyle: "short" });
    const dates = between(query).map(({ startsAt }) => day.format(Date.parse(startsAt)));
    return [...new Set(dates)].map((date) => ({ date, count: dates.filter((one) => one === date).length }));
  });
  office.on("GET", "/bookings/former", ({ query }) => {
    const latest = new Map(between(query).filter(({ state }) => state !== "draft").map((one) => [one.booking, one]));
    return [...latest.values()].reverse().map(({ booking, title, occurrence }) => ({ id: booking, title, occurrence }));
  });
  office.on("POST", "/bookings", ({ body }) => {
    const made = { ...DETAILS, rule: undefined, ...body, id: "01JDB9", version: 1, state: "draft", exceptions: [], invited: body.audience?.all ? 3_356 : 0 };
    bookings().set(made.id, made);
    return [201, made];
  });
  office.on("GET", "/bookings/{booking}", ({ params }) => of(params) ?? unknown);
  office.on("PATCH", "/bookings/{booking}", ({ params, body }) => told(params, body));
  office.on("DELETE", "/bookings/{booking}", ({ params }) => {
    bookings().delete(params.booking);
    return [204];
  });
  office.on("POST", "/bookings/{booking}/publish", ({ params }) => told(params, { state: "published" }));
  office.on("POST", "/bookings/{booking}/cancel", ({ params, body }) => told(params, { state: "cancelled", reason: body.reason }));
  office.on("POST", "/bookings/{booking}/copy", ({ params }) => {
    const made = { ...of(params), id: "01JDB9", version: 1, state: "draft" };
    bookings().set(made.id, made);
    return [201, made];
  });
  office.on("PUT", "/bookings/{booking}/occurrences/{date}", ({ params, body }) => {
    const { version: _, ...exception } = body;
    return told(params, { exceptions: [...of(params).exceptions, { date: params.date, ...exception }] });
  });
  office.on("DELETE", "/bookings/{booking}/occurrences/{date}", ({ params }) => told(params, { exceptions: of(params).exceptions.filter(({ date }) => date !== params.date) }));
  office.on("GET", "/bookings/{booking}/conflicts", ({ params }) => {
    if (!["01JDB2", "01JDB4"].includes(params.booking)) return [];
    const [own, other] = params.booking === "01JDB2" ? ["01JDB2", "01JDB4"] : ["01JDB4", "01JDB2"];
    const [{ occurrence }] = daysOf(bookings().get(own));
    const [{ title, startsAt, durationMinutes, occurrence: day }] = daysOf(bookings().get(other));
    const endsAt = new Date(Date.parse(startsAt) + durationMinutes * MINUTE_MS).toISOString();
    return [{ occurrence, with: { booking: other, occurrence: day, title, startsAt, endsAt }, hall: "VN", sameChair: true, sites: 812, siteCodes: communes.slice(0, 3).map(({ code }) => code) }];
  });
  office.on("GET", "/bookings/{booking}/audience", () => invited().map((site) => ({ code: site.code, name: site.name, level: site.level, province: provinceOf(site) })));

  office.on("GET", "/bookings/{booking}/invitations", ({ query }) => {
    const [state, province, after] = ["state", "province", "after"].map((name) => query.get(name));
    const all = invited().map(invitation).filter((one) => (!state || one.state === state) && (!province || one.province === province));
    const from = after === null ? 0 : all.findIndex(({ site }) => site === after) + 1;
    const rows = all.slice(from, from + 50);
    query.set("after", rows.at(-1)?.site ?? "");
    return [200, rows, all.length > from + 50 ? { link: `</api/v1/bookings/x/invitations?${query}>; rel="next"` } : {}];
  });
  office.on("GET", "/bookings/{booking}/invitations/summary", ({ params }) => {
    const { state } = of(params) ?? {};
    if (state === "draft") return { sites: 0, states: {}, replies: {}, mustBeToldAgain: 0 };
    if (state === "changed") return { sites: 3_355, states: { sent: 1_602, opened: 1_741, refused: 12 }, replies: { coming: 2_310, excused: 18, sends: 204 }, mustBeToldAgain: 3_355 };
    if (params.booking === "01JDB1") return { sites: 3_355, states: { sent: 610, opened: 2_720, refused: 21, notSent: 4 }, replies: { coming: 2_981, excused: 33, sends: 290 }, mustBeToldAgain: 0 };
    // Tomorrow's, whatever the hour of today.
    if (params.booking === "01JDB7") return { sites: 640, states: { sent: 230, opened: 405, notSent: 5 }, replies: { coming: 570, excused: 3, sends: 40 }, mustBeToldAgain: 0 };
    return { sites: 3_355, states: { sent: 1_330, opened: 2_025 }, replies: { coming: 3_102, excused: 13, sends: 240 }, mustBeToldAgain: 0 };
  });
  office.on("POST", "/conferences/{conference}/enter", () => [201, { token: "e30.e30.mock", page: "/operator" }]);
  office.on("POST", "/bookings/{booking}/invitations/send", ({ params }) => ({ queued: params.booking === "01JDB1" ? 4 : 3_355 }));
  office.on("POST", "/bookings/{booking}/invitations/{site}/reissue", () => ({ url: "https://hop.example.vn/m/7KQM2FJX9VTP3HWS" }));

  const people = [
    { id: "01JDA0", name: "Nguyễn Thị Minh Khai", role: "admin", isDisabled: false },
    { id: "01JDA2", name: "Phạm Quốc Bảo", role: "national", isDisabled: false },
    { id: "01JDA3", name: "Trần Thị Thu Hà", role: "chair", isDisabled: false },
  ];
  office.on("GET", "/people", () => people);
  office.on("GET", "/people/{account}", ({ params }) => people.find(({ id }) => id === params.account) ?? unknown);
  office.on("GET", "/sites/{site}", ({ params }) => {
    const site = office.sites.find(({ code }) => code === params.site);
    return site === undefined ? unknown : { ...site, contactName: "Ông Trần Văn Long", contactPhone: "0263 382 2001" };
  });
  const standingOf = (index) => {
    if (index % 5 === 4) return { standing: "unknown" };
    if (index % 80 !== 5) return { standing: "green", cause: "allGood" };
    const cause = CAUSES[Math.floor(index / 80) % CAUSES.length];
    return { standing: TABLE.find(({ id }) => id === cause).colour, cause };
  };
  const stood = () => communes.map((site, index) => ({ site, index, ...standingOf(index) }));
  office.on("GET", "/bookings/{booking}/readiness", () => {
    const nobody = () => ({ green: 0, amber: 0, red: 0, unknown: 0 });
    const [total, provinces] = [nobody(), new Map()];
    for (const { site, standing } of stood()) {
      const code = site.parentCode;
      const of = provinces.get(code) ?? { code, name: office.sites.find((one) => one.code === code)?.name ?? code, ...nobody() };
      for (const counts of [total, of]) counts[standing] += 1;
      provinces.set(code, of);
    }
    return { since: new Date(Date.now() - 24 * 60 * MINUTE_MS).toISOString(), total, provinces: [...provinces.values()] };
  });
  office.on("GET", "/bookings/{booking}/readiness/sites", ({ query }) => {
    const [province, after] = ["province", "after"].map((name) => query.get(name));
    const amiss = stood().filter(({ site, standing }) => ["red", "amber"].includes(standing) && (!province || site.parentCode === province));
    amiss.sort((one, other) => (one.standing === "red" ? 0 : 1) - (other.standing === "red" ? 0 : 1));
    const from = after === null ? 0 : amiss.findIndex(({ site }) => site.code === after) + 1;
    const rows = amiss.slice(from, from + 40).map(({ site, index, standing, cause }) => ({
      site: site.code,
      name: site.name,
      province: site.parentCode,
      standing,
      cause,
      reference: `L1-K7Q${"MNPRSTUVWX"[index % 10]}`,
      at: new Date(Date.now() - (index % 50) * MINUTE_MS).toISOString(),
      contactName: "Ông Trần Văn Long",
      contactPhone: "0263 382 2001",
    }));
    query.set("after", rows.at(-1)?.site ?? "");
    return [200, rows, amiss.length > from + 40 ? { link: `</api/v1/bookings/x/readiness/sites?${query}>; rel="next"` } : {}];
  });

  // Behind a site's short link.
  office.on("GET", "/invitation/{code}", () => {
    const { invitation: part = {} } = office.state;
    if (part.refused) return [401, { code: part.refused, message: "mock" }];
    const startsAt = at(1, 8);
    return {
      title: "Hội nghị ứng phó bão số 12",
      kind: "meeting",
      state: "planned",
      startsAt: new Date(startsAt).toISOString(),
      durationMinutes: 90,
      zone: ZONE,
      opensAt: new Date(startsAt - 30 * MINUTE_MS).toISOString(),
      site: { code: "00004", name: "Phường Ba Đình" },
      hall: { code: "VN", name: "Hội trường Trung ương" },
      chair: { name: "Ông Nguyễn Văn Thành, Thứ trưởng" },
      checksIn: [5_400, 64_800],
      calendar: "https://hop.example.vn/api/v1/calendar/2FJX9VTP3HWS7KQM.ics",
      agenda: DETAILS.agenda.map(({ speaker, ...item }) => ({ ...item, ...(speaker && { speaker: { code: speaker, name: office.sites.find(({ code }) => code === speaker)?.name } }) })),
      ...part,
    };
  });
  office.on("PUT", "/invitation/{code}/reply", ({ body }) => (office.state.invitation?.isFull ? [503, { code: "overloaded", message: "mock" }] : { ...body, at: new Date().toISOString() }));
}
