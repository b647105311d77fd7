// The load test's program beside real browsers.

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

function binary() {
  const path = process.env.LOADTEST;
  if (!path) throw new Error("LOADTEST must name the load test's binary: run `make browsers`");
  return path;
}

/** One run of `dinh-loadtest run` in the demo conference. */
export class LoadTest {
  #directory = mkdtempSync(join(tmpdir(), "dinh-loadtest-"));
  #process;
  #said = "";
  #ended;

  /** Starts; `options` are those of the command line, without dashes in front. */
  static async start(server, options) {
    const run = new LoadTest();
    const words = Object.entries(options).flatMap(([name, value]) => [`--${name}`, `${value}`]);
    const admin = await server.token({ role: "admin" });
    const address = ["--server", `http://127.0.0.1:${server.port}`, "--conference", "demo"];
    run.#process = spawn(binary(), ["run", ...address, "--report", run.#directory, "--quiet", ...words], {
      env: { ...process.env, DINH_LOADTEST_ADMIN_TOKEN: admin },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [run.#process.stdout, run.#process.stderr]) {
      stream.on("data", (data) => (run.#said += data));
    }
    run.#ended = new Promise((done) => run.#process.once("exit", done));
    return run;
  }

  /** Fails with its words if it has ended. */
  runs() {
    if (this.#process.exitCode !== null) throw new Error(`dinh-loadtest has ended:\n${this.#said}`);
  }

  /** Waits for its end; what its report says. */
  async report() {
    const code = await this.#ended;
    if (code !== 0) throw new Error(`dinh-loadtest ended with ${code}:\n${this.#said}`);
    return JSON.parse(readFileSync(join(this.#directory, "report.json"), "utf8"));
  }

  /** Ends it, if it still runs. */
  async stop() {
    if (this.#process.exitCode === null) this.#process.kill("SIGKILL");
    await this.#ended;
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
