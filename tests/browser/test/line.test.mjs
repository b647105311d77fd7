// What the tests of bad lines rest upon: the device does to packets what it is told.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";

import { Line } from "../lib/line.mjs";
import { NO_NAMESPACES } from "../lib/namespace.mjs";
import { passing, until } from "../lib/until.mjs";

const PORT = 4_000;
const ECHO = `
  const socket = require("node:dgram").createSocket("udp4");
  socket.on("message", (data, from) => socket.send(data, from.port, from.address));
  socket.bind(${PORT}, () => console.log("ready"));
`;

describe("the device that makes bad lines", { timeout: 60_000, skip: NO_NAMESPACES }, () => {
  const directory = mkdtempSync(join(tmpdir(), "dinh-line-"));
  let line, echo, socket;
  const trips = [];

  before(async () => {
    line = await Line.open(directory);
    const [program, ...words] = [...line.namespace.prefix, process.execPath, "-e", ECHO];
    echo = spawn(program, words, { stdio: ["ignore", "pipe", "inherit"] });
    await new Promise((done) => echo.stdout.once("data", done));
    socket = createSocket("udp4");
    socket.on("message", (data) => trips.push(performance.now() - data.readDoubleLE(0)));
    await new Promise((done) => socket.bind(0, done));
  });
  after(async () => {
    socket.close();
    echo.kill("SIGKILL");
    await line.close();
    rmSync(directory, { recursive: true, force: true });
  });

  /** Sends so many packets of so many bytes, one each `pause` ms; the times of those that came back. */
  async function send(count, bytes, pause) {
    trips.length = 0;
    const packet = Buffer.alloc(bytes);
    for (let number = 0; number < count; number += 1) {
      packet.writeDoubleLE(performance.now(), 0);
      socket.send(Buffer.from(packet), PORT, line.namespace.address);
      if (pause > 0) await passing(pause);
    }
    await passing(1_500);
    return trips.toSorted((a, b) => a - b);
  }

  /** Tells the device and waits until it has surely heard. */
  async function become(link) {
    line.set(link);
    const known = line.reports.length;
    await until("a report", () => line.reports.length > known + 1);
  }

  it("holds packets back", async () => {
    await become({ delay: "50ms" });
    const came = await send(50, 100, 10);
    assert.equal(came.length, 50);
    assert.ok(came[0] >= 100 && came[25] < 130, `${came[0]} … ${came[25]} ms`);
  });

  it("loses its share each way", async () => {
    await become({ loss_percent: 10 });
    const came = await send(1_000, 100, 1);
    // 19 % of the round trips, give or take four deviations.
    assert.ok(came.length > 760 && came.length < 860, `${came.length} of 1,000`);
  });

  it("carries its rate, keeps what the queue holds, and drops the rest", async () => {
    await become({ down: { kbps: 400, queue: "500ms" }, up: {} });
    const from = Date.now();
    // With headers 50,000 bytes, of which the queue holds half: half a second of the line.
    const came = await send(50, 972, 0);
    assert.ok(came.length >= 24 && came.length <= 27, `${came.length} came`);
    const { down } = line.between(from, Date.now());
    assert.equal(down.offered, 50);
    assert.equal(down.carried + down.overflowed, 50);
    const longest = Math.max(...Object.keys(down.waits).map(Number));
    assert.ok(longest >= 470 && longest <= 500, `${longest} ms in the queue`);
  });
});
