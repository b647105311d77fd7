// A bad line between this machine and a network of its own: the program `line-device`, and the
// namespace behind it.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

import { Namespace } from "./namespace.mjs";
import { until } from "./until.mjs";

function binary() {
  const path = process.env.LINE_DEVICE;
  if (!path) throw new Error("LINE_DEVICE must name the device's binary: run `make test-networks`");
  return path;
}

let made = 0;

/** A line and the network behind it. */
export class Line {
  /** The network at its far end. */
  namespace;
  /** What the device has told: `{ time, down, up, behind }`, counted from the beginning. */
  reports = [];
  #process;
  #said = "";

  /** Opens one that does nothing yet; `directory` holds the scripts that enter its namespace. */
  static async open(directory) {
    const line = new Line();
    made += 1;
    const unique = `${process.pid.toString(36)}${made}`;
    const interfaces = [`dw${unique}o`, `dw${unique}i`];
    // A packet that waits for the processor would look like one that waits on the line.
    line.#process = spawn("chrt", ["--fifo", "10", binary(), ...interfaces], { stdio: ["pipe", "pipe", "pipe"] });
    line.#process.stderr.on("data", (data) => (line.#said += data));
    line.#process.stdin.on("error", () => {
      // Its end is noticed where its reports are awaited.
    });
    createInterface({ input: line.#process.stdout }).on("line", (text) =>
      line.reports.push({ time: Date.now(), ...JSON.parse(text) }),
    );
    await line.#report();
    line.namespace = new Namespace(directory, { interfaces });
    return line;
  }

  async #report() {
    const known = this.reports.length;
    await until("a report of the device", () => {
      if (this.#process.exitCode !== null) throw new Error(`line-device has ended: ${this.#said}`);
      return this.reports.length > known;
    });
  }

  /** From now on it is like this in both directions, or as `{ down, up }` say. */
  set({ down, up, ...both }) {
    this.#process.stdin.write(`${JSON.stringify({ down: down ?? both, up: up ?? both })}\n`);
  }

  /** What was counted between two times by `Date.now()`, within a quarter of a second. */
  between(from, to) {
    const first = this.reports.findLast(({ time }) => time <= from) ?? this.reports[0];
    const last = this.reports.find(({ time }) => time >= to) ?? this.reports.at(-1);
    const seconds = (last.at - first.at) / 1000;
    const behind = Math.max(...this.reports.filter(({ time }) => time > from && time <= to).map((one) => one.behind), 0);
    return { seconds, behind, down: difference(first.down, last.down), up: difference(first.up, last.up) };
  }

  /** Takes it down, and the network behind it. */
  async close() {
    this.namespace.remove();
    const ended = new Promise((done) => this.#process.once("exit", done));
    this.#process.stdin.end();
    if (this.#process.exitCode === null) await ended;
  }
}

/** What was counted since `before`. */
function difference(before, after) {
  const table = (a, b) => Object.fromEntries(Object.entries(b).map(([key, value]) => [key, value - (a[key] ?? 0)]));
  return Object.fromEntries(
    Object.entries(after).map(([key, value]) => [
      key,
      typeof value === "object" ? table(before[key], value) : value - before[key],
    ]),
  );
}
