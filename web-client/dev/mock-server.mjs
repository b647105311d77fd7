// A conference without media, for working on the pages: serves dist/ as the real server does and plays a country.
// node dev/mock-server.mjs [port]; with 0 the system chooses, and the links say what

import { createReadStream, existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { WebSocketServer } from "ws";
import { planBookings } from "./mock-bookings.mjs";
import { planLetters } from "./mock-letters.mjs";
import { bodyOf, MockOffice } from "./mock-office.mjs";

const DIST = process.env.MOCK_DIST ?? fileURLToPath(new URL("../dist/", import.meta.url));
const CSV = fileURLToPath(new URL("../../signaling/data/sites-vn-2025.csv", import.meta.url));
/** Pages of builds of their own, by their paths. */
const INDEXES = [
  [/^\/office$/u, "office.html"],
  [/^\/m\//u, "m.html"],
];
const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};

/** As the server has it: what a page may not do there it may not do here. */
const POLICY = readFileSync(new URL("../../signaling/src/pages.rs", import.meta.url), "utf8")
  .match(/const POLICY: &str = "([^"]*)"/u)[1]
  .replaceAll(/\\\s+/gu, "");

/** What a check may find, as the server has it. */
const CAUSES = JSON.parse(readFileSync(new URL("../../signaling/src/check/causes.json", import.meta.url), "utf8"));

const sites = readFileSync(CSV, "utf8")
  .trim()
  .split("\n")
  .slice(1)
  .map((line) => line.split(","))
  .map(([code, name, level, parent]) => ({ code, name, level, parentCode: parent || null }));
const siteByCode = new Map(sites.map((site) => [site.code, site]));
const provinceOf = (site) => (site.level === "province" ? site.code : site.level === "central" ? null : site.parentCode);

const ROSTER = JSON.stringify({ version: 1, sites: sites.map((site) => ({ code: site.code, name: site.name, level: site.level, province: provinceOf(site) })) });

const CONFERENCE = { id: "01JD8XZ3N7", title: "Hội nghị giao ban trực tuyến toàn quốc tháng 11", state: "running" };

/** Everyone who is here, as operators see them. */
const people = new Map();
const sockets = new Map();
let version = 1;
let holder = null;
let queue = [];
const overrides = { main: undefined, second: undefined, screen: undefined };
const sharing = new Set();
/** Whose sessions a token asks to be unknown when they come back. */
const forgotten = new Set();

function person(participant, role, site, state = "present") {
  const found = siteByCode.get(site);
  return {
    participant,
    role,
    site,
    province: found ? provinceOf(found) : null,
    name: role === "hall" ? "Hội trường Trung ương" : (found?.name ?? role),
    state,
    device: 1,
    muted: false,
    media: state === "present" ? "connected" : "silent",
    sources: [],
    floor: "none",
  };
}

/** A few communes wait already, so that an operator's page has something to show. */
function letWait() {
  const wait = (minutes, code) => ({ participant: `P-${code}`, since: new Date(Date.now() - minutes * 60_000).toISOString() });
  queue = sites.filter(({ level }) => level === "commune").filter((_, i) => i % 900 === 11).map(({ code }, i) => wait(4 - i, code));
  holder = wait(7, sites.find(({ name }) => name.includes("Đà Lạt"))?.code ?? sites[5].code);
  holder.began = new Date(Date.parse(holder.since) + 4_000).toISOString();
  Object.assign(people.get(holder.participant) ?? {}, { sources: ["microphone", "camera"] });
  // Not all is well: the second who waits has lost its line, the third has no picture and sound, and some suffer.
  const [, lost, without] = queue.map(({ participant }) => people.get(participant));
  Object.assign(lost ?? {}, { state: "lost", media: "silent" });
  Object.assign(without ?? {}, { media: "none" });
  [...people.values()].forEach((one, index) => {
    if (one.state === "present" && index % 149 === 5) one.media = index % 2 ? "silent" : "none";
    if (one.state === "present" && index % 97 === 5) one.score = (index % 7) * 10;
  });
}

/** A country of which a few are away, waiting already, or not well: as it was at the start, whatever was done since. */
function begin() {
  CONFERENCE.state = process.env.MOCK_STATE ?? "running";
  for (const { socket } of sockets.values()) socket.close(1001);
  sockets.clear();
  sharing.clear();
  forgotten.clear();
  Object.assign(overrides, { main: undefined, second: undefined, screen: undefined });
  [holder, queue] = [null, []];
  people.clear();
  people.set("P-HALL", { ...person("P-HALL", "hall", "VN"), sources: ["microphone", "camera"] });
  sites.forEach((site, index) => {
    if (site.level === "central" || index % 61 === 7) return;
    people.set(`P-${site.code}`, person(`P-${site.code}`, "site", site.code, index % 397 === 3 ? "lost" : "present"));
  });
  if (process.env.MOCK_QUEUE) letWait();
}

const nameOf = (participant) => people.get(participant)?.name ?? "?";
const siteOf = (participant) => people.get(participant)?.site ?? null;
const provinceNameOf = (participant) => {
  const code = people.get(participant)?.province;
  return code == null || code === siteOf(participant) ? null : (siteByCode.get(code)?.name ?? null);
};
const entry = ({ participant, since, began }) => ({
  participant,
  site: siteOf(participant),
  name: nameOf(participant),
  provinceName: provinceNameOf(participant),
  since,
  ...(began && { began }),
});
const shown = (participant, source = "camera") =>
  participant ? { participant, site: siteOf(participant), name: nameOf(participant), provinceName: provinceNameOf(participant), source } : null;

function stage() {
  const main = overrides.main ?? "P-HALL";
  const second = overrides.second ?? (holder?.began ? holder.participant : null);
  const screen = overrides.screen ?? [...sharing][0] ?? null;
  return {
    type: "stage",
    version,
    main: shown(main),
    second: shown(second),
    screen: shown(screen, "screen"),
    speakers: [main, second].filter(Boolean),
  };
}

const floor = () => ({
  type: "floor",
  version,
  holder: holder && entry(holder),
  waiting: queue.length,
  queue: queue.slice(0, 50).map(entry),
});

function counts(list) {
  const states = new Map([...people.values()].map((p) => [p.site, p.state]));
  const here = list.map(({ code }) => states.get(code));
  return {
    expected: list.length,
    present: here.filter((state) => state === "present").length,
    lost: here.filter((state) => state === "lost").length,
  };
}

const sitesOf = new Map(sites.map((site) => [provinceOf(site), []]));
for (const site of sites) sitesOf.get(provinceOf(site)).push(site);

function provinces() {
  const states = new Map([...people.values()].map((p) => [p.site, p.state]));
  const list = sites
    .filter(({ level }) => level === "province")
    .map(({ code, name }) => {
      const own = sitesOf.get(code).map((site) => states.get(site.code));
      return {
        code,
        name,
        expected: own.length,
        present: own.filter((s) => s === "present").length,
        lost: own.filter((s) => s === "lost").length,
      };
    });
  return { type: "provinces", version, provinces: list };
}

const presence = () => ({ type: "presence", version, ...counts(sites) });
const self = (participant) => {
  const position = queue.findIndex((waiting) => waiting.participant === participant);
  const isHolding = holder?.participant === participant;
  const { main, second, screen } = stage();
  return {
    type: "self",
    version,
    muted: people.get(participant)?.muted ?? false,
    floor: isHolding ? "holding" : position >= 0 ? "waiting" : "none",
    position: position >= 0 ? position + 1 : null,
    onStage: [main, second, screen].some((who) => who?.participant === participant),
    device: 1,
    standsBy: false,
    arriving: { microphone: sends(participant, "microphone"), camera: sends(participant, "camera") },
    lastTurn: null,
  };
};

const sends = (participant, source) => people.get(participant)?.sources.includes(source) ?? false;

function standing(participant) {
  return holder?.participant === participant
    ? "holding"
    : queue.some((waiting) => waiting.participant === participant)
      ? "waiting"
      : "none";
}

const moderates = (role) => role === "operator" || role === "chair";

function tellAll(...changed) {
  version += 1;
  for (const [participant, { socket, role }] of sockets) {
    const send = (message) => socket.send(JSON.stringify(message));
    send(floor());
    send(stage());
    send(self(participant));
    if (moderates(role)) {
      const changes = changed.map((id) => people.get(id)).filter(Boolean);
      send({
        type: "participants",
        version,
        full: false,
        changes: changes.map((p) => ({ ...p, floor: standing(p.participant) })),
        crowds: [],
      });
    }
  }
}

/** The first picture of whoever has the floor arrives. */
function goOnAir(participant) {
  if (holder?.participant !== participant) return;
  holder.began ??= new Date().toISOString();
  people.get(participant).sources = ["microphone", "camera"];
  tellAll(participant);
}

function act(me, message) {
  const now = new Date().toISOString();
  const before = holder?.participant;
  switch (message.type) {
    case "requestFloor":
      queue.push({ participant: me, since: now });
      return tellAll(me);
    case "withdrawFloor":
      queue = queue.filter(({ participant }) => participant !== me);
      return tellAll(me);
    case "yieldFloor":
    case "revokeFloor":
      holder = null;
      return tellAll(before);
    case "grantFloor":
      // One that has no picture and sound yet stays invited.
      if (people.get(message.participant)?.media === "connected") setTimeout(() => goOnAir(message.participant), 400);
      queue = queue.filter(({ participant }) => participant !== message.participant);
      holder = { participant: message.participant, since: now };
      return tellAll(message.participant, before);
    case "setStage":
      overrides[message.place] = message.participant ?? undefined;
      return tellAll();
    case "mute":
      Object.assign(people.get(message.participant), { muted: message.muted, cut: message.muted && !message.soundOnly });
      return tellAll(message.participant);
    case "remove":
      sockets.get(message.participant)?.socket.close(4010);
      people.set(message.participant, { ...people.get(message.participant), state: "left" });
      tellAll(message.participant);
      return people.delete(message.participant);
    case "publish": {
      const sources = new Set(people.get(me)?.sources);
      if (message.active) sources.add(message.source);
      else sources.delete(message.source);
      if (people.has(me)) people.get(me).sources = [...sources];
      if (message.source === "screen") {
        if (message.active) sharing.add(me);
        else sharing.delete(me);
      }
      return tellAll(me);
    }
    default:
      return undefined;
  }
}

/** MIDs in the order of the m-lines: what the page offers is what it gets. */
function answer({ id, sdp = "", sources = {} }) {
  const lines = [...sdp.matchAll(/m=(audio|video)[\s\S]*?a=mid:(\S+)[\s\S]*?a=(sendonly|recvonly)/g)];
  let video = 0;
  const slots = lines
    .filter(([, , , direction]) => direction === "recvonly")
    .map(([, kind, mid]) => {
      const feed = kind === "audio" ? "audio" : (["stage.main", "stage.second", "stage.screen"][video++] ?? null);
      return { mid, kind, feed };
    });
  const publications = Object.entries(sources).map(([mid, source]) => ({ mid, source }));
  return { type: "answer", id, sdp: "v=0\r\n", publications, slots };
}

function claims(token) {
  return JSON.parse(Buffer.from(token.split(".")[1], "base64url").toString());
}

/** What a check finds is what its token says. */
const checkOf = (token) => claims(token.includes(".") ? token : "e30.e30.").check ?? {};

function outcomeOf({ cause = "allGood" }) {
  const { id, ...found } = CAUSES.find((one) => one.id === cause);
  const ways = ["udp", "iceTcp", "turns"];
  const stepOf = (step) => (found.step === step || (found.step === "media" && ways.includes(step)) ? { step, colour: found.colour, cause: id } : { step, colour: "green", cause: null });
  const line = found.step === "media" ? [] : ["roundTrip", "loss", "rate", "decode"];
  const steps = ["browser", "tls", "clock", "webSocket", ...ways, ...line, ...(found.step === "devices" ? ["devices"] : [])].map(stepOf);
  return { cause: id, ...found, reference: `${found.code}-K7QM`, steps };
}

/** The latest checks of some sites, and one of a machine without a link. */
function checks() {
  const found = ["udpBlocked", "allGood", "lossHigh", "noCamera", "allGood", "rateLow"];
  const measured = { upKilobitsPerSecond: 1_840, downKilobitsPerSecond: 1_910, lossUpPercent: 0.4, lossDownPercent: 0 };
  const record = (site, cause, index) => {
    const { steps: _, reference, ...outcome } = outcomeOf({ cause });
    const at = new Date(Date.now() - index * 7 * 60_000).toISOString();
    const code = `K7Q${"MNPRSTUVWX"[index]}`;
    return { ...outcome, code, reference: `${reference.split("-")[0]}-${code}`, at, site, address: "10.20.30.40", measured };
  };
  const communes = sites.filter(({ level }) => level === "commune").slice(0, found.length);
  return [...communes.map(({ code }, index) => record(code, found[index], index)), record(null, "webSocketBlocked", found.length)];
}

/** A check of a line: begun, its ways negotiated, judged. */
function check(request, response, json) {
  const { pathname } = new URL(request.url, "http://mock");
  const token = (request.headers.authorization ?? "").replace("Bearer ", "");
  const [, id, means, direction] = /^\/api\/v1\/checks\/([^/]+)(?:\/(\w+)(?:\/(\w+))?)?$/u.exec(pathname) ?? [];
  if (request.method === "GET") return json(claims(token).checks ? checks() : []);
  if (id === undefined) {
    const { refuse } = checkOf(token);
    if (refuse === "silence") return request.socket.destroy();
    response.statusCode = refuse === undefined ? 201 : 503;
    if (refuse !== undefined) return json({ code: refuse, message: "mock" });
    const iceServers = [{ urls: ["turns:127.0.0.1:443?transport=tcp"], username: "mock", credential: "mock" }];
    const begun = { id: Buffer.from(JSON.stringify(checkOf(token))).toString("base64url"), code: "K7QM", iceServers, maxKilobitsPerSecond: 2_500 };
    const time = new Date().toISOString();
    return json({ ...begun, expiresAt: time, time });
  }
  if (direction !== undefined) {
    response.statusCode = 201;
    response.setHeader("content-type", "application/sdp");
    return response.end(`v=0\r\na=candidate:${means}\r\n`);
  }
  return json(outcomeOf(JSON.parse(Buffer.from(id, "base64url").toString())));
}

const office = new MockOffice(sites);
planBookings(office);
planLetters(office);

const http = createServer((request, response) => {
  const { pathname } = new URL(request.url, "http://mock");
  const json = (value) => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(value));
  };
  if (pathname === "/begin") {
    begin();
    return void bodyOf(request).then((state) => json(office.begin(state) ?? {}));
  }
  if (office.answers(request, response)) return undefined;
  if (pathname === "/api/v1/links/exchange") {
    response.statusCode = 403;
    return json({ code: "not_permitted", message: "mock" });
  }
  if (pathname.endsWith("/roster")) {
    if (claims((request.headers.authorization ?? "").replace("Bearer ", "")).hasNoList) {
      response.statusCode = 503;
      return json({ code: "overloaded", message: "mock" });
    }
    response.setHeader("content-type", "application/json");
    return response.end(ROSTER);
  }
  if (pathname.startsWith("/api/v1/checks")) return check(request, response, json);
  if (/\/(start|end)$/.test(pathname)) {
    CONFERENCE.state = pathname.endsWith("start") ? "running" : "ended";
    version += 1;
    for (const { socket } of sockets.values()) {
      socket.send(JSON.stringify({ type: "conference", version, ...CONFERENCE }));
    }
    return json(CONFERENCE);
  }
  if (pathname === "/api/v1/invitation") {
    const { role, site, refuse, state, opensAt, checksIn } = claims((request.headers.authorization ?? "").replace("Bearer ", ""));
    if (refuse?.startsWith("token_")) {
      response.statusCode = 401;
      return json({ code: refuse, message: "mock" });
    }
    const invitedTo = { ...CONFERENCE, ...(state && { state }), ...(opensAt && { opensAt }) };
    const found = siteByCode.get(site);
    return json({ conference: invitedTo, role, site: found ? { code: found.code, name: found.name } : null, ...(checksIn && { checksIn }) });
  }
  if (pathname === "/contact.json") {
    const above = { place: "Lâm Đồng", level: "province", name: "Bà Nguyễn Thị Hoa, Văn phòng Ủy ban nhân dân", phone: "024 3825 3536" };
    return json({ organiser: "024 3804 8888", ...(request.headers.authorization && { above }) });
  }
  if (pathname.startsWith("/api/v1/sites/")) {
    return json({ code: pathname.slice(14), contactName: "Ông Trần Văn Long", contactPhone: "0263 382 2001" });
  }
  const wanted = join(DIST, normalize(pathname));
  const file = extname(wanted) !== "" && wanted.startsWith(DIST) && existsSync(wanted) ? wanted : join(DIST, INDEXES.find(([path]) => path.test(pathname))?.[1] ?? "index.html");
  response.setHeader("content-security-policy", POLICY);
  response.setHeader("content-type", TYPES[extname(file)] ?? "application/octet-stream");
  if (pathname.startsWith("/assets/")) response.setHeader("cache-control", "public, max-age=31536000, immutable");
  createReadStream(file).pipe(response);
});

new WebSocketServer({ server: http, path: "/ws" }).on("connection", (socket) => {
  let me = null;
  /** Requests that a token asks to be refused, each with the code. */
  let refusals = {};
  const send = (message) => socket.send(JSON.stringify(message));
  /** What an operator reads when a token asks for it: `main` or another importance, or `over`. */
  const trouble = (kind) => {
    const at = (minutes) => new Date(Date.now() - minutes * 60_000).toISOString();
    const overload = {
      leftOut: kind === "over" ? "second" : kind,
      since: at(5),
      until: kind === "over" ? at(1) : null,
      frames: { thumbnail: 1_204, second: 310, main: 0, audio: 0 },
    };
    send({ type: "trouble", version: 1, refused: { conferenceFull: 0, serverFull: 3, overloaded: 128 }, overload });
  };
  const enter = (participant, role, site, resumed, tookOver = false) => {
    me = participant;
    const found = siteByCode.get(site);
    if (!people.has(me)) people.set(me, person(me, role, site ?? null));
    people.get(me).state = "present";
    sockets.get(me)?.socket.close(4001);
    sockets.set(me, { socket, role });
    send({
      type: "welcome",
      protocol: 1,
      session: `S-${participant}:${role}:${site ?? ""}`,
      secret: "mock",
      participant,
      role,
      site: found ? { code: found.code, name: found.name } : null,
      conference: CONFERENCE,
      resumed,
      tookOver,
      media: false,
      resumeSeconds: 30,
      pingSeconds: 10,
      iceServers: [],
    });
    send(presence());
    if (moderates(role)) {
      send({ type: "roster", version: 1, sites: sites.length });
      send(provinces());
      const changes = [...people.values()].map((p) => ({ ...p, floor: standing(p.participant) }));
      send({ type: "participants", version, full: true, changes, crowds: [] });
    }
    tellAll(me);
  };
  socket.on("message", (data) => {
    const message = JSON.parse(data.toString());
    if (message.type === "join") {
      const { role, site, refuse, close, trouble: kind, refuses, tookOver, forgets } = claims(message.token);
      refusals = refuses ?? {};
      if (forgets) forgotten.add(`P-${site}`);
      if (refuse) {
        send({ type: "error", id: null, code: refuse, message: "mock", retryAfterSeconds: null });
        socket.close(close ?? 4003);
      } else {
        enter(role === "hall" ? "P-HALL" : site ? `P-${site}` : `P-${role}`, role, site, false, tookOver);
        if (kind) trouble(kind);
      }
    } else if (message.type === "resume") {
      const [participant, role, site] = message.session.slice(2).split(":");
      if (forgotten.has(participant)) {
        send({ type: "error", id: null, code: "session_unknown", message: "mock", retryAfterSeconds: null });
        socket.close(4004);
        return;
      }
      enter(participant, role, site === "" ? undefined : site, true);
    } else if (message.type === "ping") {
      send({ type: "pong" });
    } else if (message.type === "offer" || message.type === "restartIce") {
      send(answer(message));
    } else if (message.type !== "leave") {
      const isGone = message.type === "grantFloor" && people.get(message.participant)?.state !== "present";
      const code = refusals[message.type] ?? (isGone ? "participant_unknown" : null);
      if (code !== null) {
        send({ type: "error", id: message.id, code, message: "mock", retryAfterSeconds: null });
        return;
      }
      send({ type: "ok", id: message.id });
      act(me, message);
    }
  });
  socket.on("close", () => {
    if (sockets.get(me)?.socket === socket) sockets.delete(me);
  });
});

begin();
const rate = process.env.MOCK_QUEUE ? Number(process.env.MOCK_CHANGES ?? 1) : 0;
if (rate > 0) {
  // A little life: sites come and go, MOCK_CHANGES of them a second; operators are told four times a second at most.
  const all = [...people.keys()].filter((id) => id !== "P-HALL");
  const tellings = Math.min(4, rate);
  setInterval(() => {
    const changes = Array.from({ length: Math.round(rate / tellings) }, () => {
      const one = people.get(all[Math.floor(Math.random() * all.length)]);
      one.state = one.state === "present" ? "lost" : "present";
      one.score = Math.floor(Math.random() * 11) * 10;
      return one;
    });
    version += 1;
    for (const { socket, role } of sockets.values()) {
      socket.send(JSON.stringify(presence()));
      if (moderates(role)) {
        socket.send(JSON.stringify(provinces()));
        socket.send(JSON.stringify({ type: "participants", version, full: false, changes, crowds: [] }));
      }
    }
  }, 1_000 / tellings).unref();
}

const port = Number(process.argv[2] ?? 7950);
http.listen(port, "127.0.0.1", () => {
  const link = (path, text) =>
    `http://127.0.0.1:${http.address().port}${path}#token=e30.${Buffer.from(JSON.stringify(text)).toString("base64url")}.mock`;
  const conference = CONFERENCE.id;
  console.log("operator", link("/operator", { conf: conference, role: "operator" }));
  console.log("chair   ", link("/operator", { conf: conference, role: "chair" }));
  console.log("hall    ", link("/hall", { conf: conference, role: "hall" }));
  console.log("site    ", link("/site", { conf: conference, role: "site", site: "00004" }));
  console.log("observer", link("/observer", { conf: conference, role: "observer" }));
});
