// Sites that check their lines without a browser each: the pages' own check and figures, over lines that are made up.

import { AsyncLocalStorage } from "node:async_hooks";
import { request } from "node:http";
import { buffer } from "node:stream/consumers";

import { pageCode } from "./pagecode.mjs";

const [{ LineCheck, NOT_BEGUN }, { figuresOf, sampleOf }, { missingIn }, { begin, report }] = await Promise.all(
  ["linecheck/check.ts", "linecheck/figures.ts", "linecheck/devices.ts", "linecheck/server.ts"].map(pageCode),
);

/** A line on which all is well, and what stands at its end: kilobits a second, milliseconds, pictures a second. */
const GOOD = { ways: ["udp", "tcp", "turn"], up: 1_400, down: 1_900, roundTripMs: 38, jitterMs: 4, pictures: 24, devices: ["videoinput", "audioinput"] };

/** What is otherwise where something is amiss, by what the server calls that. */
export const AMISS = {
  mediaBlocked: { ways: [] },
  rateVeryLow: { up: 20 },
  udpBlocked: { ways: ["tcp", "turn"] },
  noMicrophone: { devices: ["videoinput"] },
};

/** How many are under way at once. */
const AT_ONCE = 4;
/** So often somebody tries whom a busy machine answers later than a page waits. */
const TRIES = 3;
/** What a page says then. */
const UNANSWERED = ["noAnswer", "serverFull"];
/** What browsers count is looked at so often, in seconds. */
const LOOK_EVERY = 0.5;
/** For so long the line has little to carry, and then as much as goes, in seconds. */
const LIGHT = 4.5;
const FULL = 6;
/** Bytes of a packet, and kilobits a second that are little. */
const PACKET = 1_000;
const LITTLE = 10;

/** What both ends of a connection have counted by now, as browsers tell it; `carried` is bytes that went up and came down. */
function counted(line, at, carried) {
  const packets = (bytes) => Math.floor(bytes / PACKET);
  const frames = Math.floor(at * line.pictures);
  const sent = [
    ["out", { type: "outbound-rtp", bytesSent: carried.up, packetsSent: packets(carried.up) }],
    ["told", { type: "remote-inbound-rtp", packetsLost: 0, roundTripTime: line.roundTripMs / 1_000 }],
  ];
  const received = [
    ["in", { type: "inbound-rtp", bytesReceived: carried.down, packetsReceived: packets(carried.down), packetsLost: 0, jitter: line.jitterMs / 1_000, framesReceived: frames, framesDecoded: frames }],
  ];
  return sampleOf(at * 1_000, sent, received);
}

/** What a page makes of a line: it sends little, then as much as goes. */
function measure(line) {
  const carried = { up: 0, down: 0 };
  const samples = (begin, seconds, most) => {
    const taken = [];
    for (let at = begin; at <= begin + seconds; at += LOOK_EVERY) {
      taken.push(counted(line, at, carried));
      for (const way of ["up", "down"]) carried[way] += (Math.min(most, line[way]) * 1_000 * LOOK_EVERY) / 8;
    }
    return taken;
  };
  return figuresOf({ light: samples(0, LIGHT, LITTLE), full: samples(LIGHT, FULL, Infinity) });
}

/** What a page finds at the end of a line, and what it asks of the server, which is real. */
function doorsFor(line, code) {
  const way = { close: () => undefined };
  return {
    begin: (signal) => begin(code, signal),
    openWebSocket: async () => true,
    open: async (_, means) => (line.ways.includes(means) ? way : Promise.reject(new Error("nothing passes"))),
    know: async () => undefined,
    findUnreached: async () => "noAnswer",
    openBeside: () => Promise.reject(new Error("nothing passes")),
    measure: async () => measure(line),
    report,
    machine: async () => ({ isSecure: true, hasWebRtc: true, browser: "Chrome 141", ...missingIn(line.devices.map((kind) => ({ kind }))) }),
    now: Date.now,
  };
}

/** Which of the sites asks. */
const asking = new AsyncLocalStorage();

/** `fetch` as pages have it, of each site from an address of its own: of one address the server takes few checks. */
function fetchFrom(port) {
  return async (path, { method, headers, body, signal }) => {
    const index = asking.getStore();
    const localAddress = `127.1.${Math.floor(index / 250)}.${(index % 250) + 1}`;
    const response = await new Promise((done, failed) => {
      const sent = request({ host: "127.0.0.1", port, path, method, headers, localAddress, agent: false, signal }, done);
      sent.once("error", failed);
      sent.end(body);
    });
    return new Response(await buffer(response), { status: response.statusCode });
  };
}

/** Checks a line for each link's code; `amiss` is one of `AMISS`, or nothing. Returns what the server says of each. */
export async function checkLines(port, lines) {
  const outcomes = [];
  const left = lines.entries();
  const check = async ({ code, amiss }) => {
    let progress = NOT_BEGUN;
    await new LineCheck(doorsFor({ ...GOOD, ...AMISS[amiss] }, code), (next) => (progress = next), new AbortController().signal).run();
    return progress.outcome;
  };
  const checkUntilAnswered = async (line) => {
    let outcome = await check(line);
    for (let tries = 1; tries < TRIES && UNANSWERED.includes(outcome.cause); tries++) outcome = await check(line);
    return outcome;
  };
  const work = async () => {
    for (const [index, line] of left) outcomes[index] = await asking.run(index, () => checkUntilAnswered(line));
  };
  const { fetch } = globalThis;
  globalThis.fetch = fetchFrom(port);
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  } finally {
    globalThis.fetch = fetch;
  }
  return outcomes;
}
