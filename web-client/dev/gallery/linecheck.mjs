// States of the page that looks at a line and at the devices: while it does, and each of its outcomes.

import { later, press, present, reads, soon, steps, touch } from "./steps.mjs";

const SITE = { role: "site", site: "00004" };
/** A check takes up to half a minute where something does not pass. */
const through = soon(".outcome .code", 40_000);
const unfolded = steps(through, touch("details summary"), later(250));

/** A check that ends with this cause. */
const found = (cause, flags = {}, act = through, part = { isBrief: true }) =>
  [`linecheck-${cause}`, "/check", { ...SITE, check: { cause }, flags }, steps(act, reads(`cause.${cause}`)), part];
const device = (cause, kind, fault) => found(cause, { fails: { [kind]: fault } }, steps(through, press("linecheck.devices_try"), later(2_000)));
const refused = (name, refuse, cause) => [`linecheck-${name}`, "/check", { ...SITE, check: { refuse } }, steps(through, reads(`cause.${cause}`)), { isBrief: true }];

export const LINE_CHECKS = [
  ["linecheck-running", "/check", SITE, steps(reads("linecheck.running"), touch("details summary"), later(250))],
  ["linecheck-nobody", "/check", null, through, { isBrief: true }],
  ["linecheck-scheduled", "/check", { role: "hall" }, through, { isBrief: true }],
  ["linecheck-by-itself", "/site", { ...SITE, state: "scheduled", checksIn: [0], check: { cause: "lossHigh" }, flags: { line: { kbps: 640, lossPercent: 21.4 } } }, steps(soon("[role=status] .notice", 40_000), reads("linecheck.by_itself"))],
  found("allGood", {}, unfolded, {}),
  ["linecheck-devices", "/check", SITE, steps(through, press("linecheck.devices_try"), reads("check.level_heard"))],
  found("udpBlocked", { blocks: ["udp"] }, unfolded, {}),
  found("tcpBlocked", { blocks: ["udp", "tcp"] }, unfolded),
  found("turnsBlocked", { blocks: ["turn"] }),
  found("mediaBlocked", { isBlocked: true }, unfolded, {}),
  found("lossHigh", { line: { kbps: 640, lossPercent: 21.4 } }, unfolded, {}),
  found("lossSome", { line: { kbps: 1_300, lossPercent: 4.2 } }),
  found("rateVeryLow", { line: { kbps: 48 } }),
  found("rateLow", { line: { kbps: 184 } }, unfolded),
  found("roundTripLong", { line: { roundTripMs: 640 } }),
  found("jitterHigh"),
  found("clockWrong"),
  found("webSocketBlocked"),
  found("pageInsecure"),
  found("decodeSlow", { line: { framesPerSecond: 9 } }),
  found("cannotDecode", { line: { framesPerSecond: 0 } }),
  found("browserTooOld"),
  found("packetsTooSmall"),
  device("noCamera", "camera", "NotFoundError"),
  device("cameraDenied", "camera", "NotAllowedError"),
  device("cameraBusy", "camera", "NotReadableError"),
  device("noMicrophone", "microphone", "NotFoundError"),
  device("microphoneDenied", "microphone", "NotAllowedError"),
  device("microphoneBusy", "microphone", "NotReadableError"),
  refused("silence", "silence", "noAnswer"),
  refused("busy", "overloaded", "serverFull"),
];
