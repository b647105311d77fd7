// packaged.mjs URL ADMIN_TOKEN: a hall and a commune in real browsers at a server that was installed somewhere.
//
// Runs where only port 443 of that server can be reached, at a private address, so that media comes inside TLS. The
// commune opens its page, sees and hears the hall, asks for the floor, is given it, and is seen and heard there. Prints
// how long that took.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { ANYBODY } from "./lib/certificate.mjs";
import { makeClip } from "./lib/clip.mjs";
import { speaks, watches } from "./lib/part.mjs";
import { ask } from "./lib/rest.mjs";
import { launchChromium, Visitor } from "./lib/visitor.mjs";

/** Longest time from the click to the picture. */
const FIRST_PICTURE_MS = 4_000;

const CENTRE = "VN";
const SITE = "00004";
const SIZES = { hall: { width: 1280, height: 720 }, first: { width: 640, height: 360 } };

const [base, admin] = process.argv.slice(2);
const rest = (path, method, body) => ask(`${base}/api/v1${path}`, admin, method, body);

const directory = mkdtempSync(join(tmpdir(), "dinh-packaged-"));
const browsers = [];

async function visit(source, page, role, site) {
  const browser = await launchChromium({ clip: makeClip(directory, source, SIZES[source]), args: [ANYBODY] });
  browsers.push(browser);
  const { token } = await rest("/tokens", "POST", { role, conference: "demo", site, ttlSeconds: 3_600 });
  const context = await browser.newContext({ permissions: ["camera", "microphone"] });
  return Visitor.at(context, `${base}/${page}#token=${token}`);
}

try {
  await rest("/conferences", "POST", { id: "demo", title: "Packaged" });
  await rest("/conferences/demo/start", "POST");
  const hall = await visit("hall", "hall", "hall", CENTRE);
  await hall.press("Join the conference");
  await hall.reads("On air");
  const commune = await visit("first", "site", "site", SITE);
  const took = await watches(commune);
  const { by, relay } = await commune.way();
  console.log(`a commune saw and heard the hall ${took} ms after the click, by ${by} of ${relay}`);
  await speaks(commune, hall, SITE, rest);
  console.log("the hall saw and heard the commune");
  if (took > FIRST_PICTURE_MS) throw new Error(`the first picture took ${took} ms, more than ${FIRST_PICTURE_MS}`);
  if (by !== "tls") throw new Error(`media came by ${by}, not inside TLS`);
} finally {
  await Promise.allSettled(browsers.map((browser) => browser.close()));
  rmSync(directory, { recursive: true, force: true });
}
