// Who watches behind a bad line: a page in Chromium, or one in Firefox. Both join by a click, and tell in the end what
// was seen and heard.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { passing, until } from "../lib/until.mjs";
import { Visitor } from "../lib/visitor.mjs";
import { testimony, witness } from "./witness.mjs";

const FIREFOX = fileURLToPath(new URL("firefox.mjs", import.meta.url));

/** Whatever a page on a bad line waits for may take so long. */
const SECONDS = 90;

/** What the first button says. */
export const JOIN = { en: "Join and watch", vi: "Vào xem" };

/** What the last button says. */
const LEAVE = { en: "Leave conference", vi: "Rời hội nghị" };

/** By then the server knows who has left. */
const SAID_MS = 500;

/** A page in Chromium. */
export class InChromium {
  #context;
  #visitor;
  #effort;
  #language;

  /** Opens `link`. How closely a page looks at itself `witness` says. */
  static async open(browser, link, { isFrugal = false, everyMs = isFrugal ? 4_000 : 250, language = "en" } = {}) {
    const one = new InChromium();
    one.#language = language;
    one.#context = await browser.newContext({ viewport: { width: 1280, height: 800 }, permissions: ["camera", "microphone"] });
    try {
      await one.#context.addInitScript(witness, { isFrugal, everyMs });
      await one.#context.addInitScript((language) => localStorage.setItem("dinh.language", language), language);
      // What is only fetched for later keeps nobody waiting.
      one.#visitor = await Visitor.at(one.#context, link, { seconds: SECONDS, waitUntil: "commit" });
    } catch (error) {
      await one.close();
      throw error;
    }
    return one;
  }

  get page() {
    return this.#visitor.page;
  }

  /** Clicks, and waits for a picture; when it was clicked. */
  async join() {
    await this.page.getByRole("button", { name: JOIN[this.#language] }).click();
    const clicked = Date.now();
    await until("a first picture", () => this.page.evaluate(() => globalThis.__witness.frames.length > 0), { seconds: SECONDS });
    this.#effort = await this.#context.newCDPSession(this.page);
    await this.#effort.send("Performance.enable");
    return clicked;
  }

  /** Asks for the floor, has it given by `grant`, and waits until it is on air. */
  async speak(grant) {
    await this.#visitor.press("Ask for the floor");
    await grant(await this.participant());
    await this.#visitor.reads("You are on air");
  }

  participant() {
    return this.#visitor.about("participant");
  }

  /** Seconds for which the main thread has worked, and for which it ran scripts. */
  async worked() {
    const { metrics } = await this.#effort.send("Performance.getMetrics");
    return ["TaskDuration", "ScriptDuration"].map((what) => metrics.find(({ name }) => name === what).value);
  }

  tell() {
    return this.page.evaluate(testimony);
  }

  /** Leaves as somebody does, and takes the page away: a page that was only closed is sent sound for a while. */
  async close() {
    try {
      await this.page.getByRole("button", { name: LEAVE[this.#language] }).click({ timeout: 2_000 });
      await passing(SAID_MS);
    } catch {
      // It was never in.
    }
    await this.#context.close();
  }
}

/** A page in Firefox, in a program of its own that runs behind the line, where the browser's driver can be reached. */
export class InFirefox {
  #process;
  #lines = [];
  #said = "";
  #participant;

  static async open(namespace, link) {
    const one = new InFirefox();
    const [program, ...words] = [...namespace.prefix, process.execPath, FIREFOX, link, JOIN.en];
    one.#process = spawn(program, words, { stdio: ["pipe", "pipe", "pipe"] });
    one.#process.stderr.on("data", (data) => (one.#said += data));
    one.#process.stdin.on("error", () => {
      // Its end is noticed where its words are awaited.
    });
    createInterface({ input: one.#process.stdout }).on("line", (line) => one.#lines.push(JSON.parse(line)));
    return one;
  }

  #hear(what) {
    return until(
      what,
      () => {
        if (this.#process.exitCode !== null) throw new Error(`Firefox has ended: ${this.#said}`);
        return this.#lines.find((line) => line.is === what);
      },
      { seconds: SECONDS },
    );
  }

  async join() {
    const { clicked } = await this.#hear("clicked");
    this.#participant = (await this.#hear("a first picture")).participant;
    return clicked;
  }

  participant() {
    return this.#participant;
  }

  /** Nobody can be asked. */
  worked() {
    return [0, 0];
  }

  async tell() {
    this.#process.stdin.write("tell\n");
    const told = await this.#hear("told");
    this.version = told.version;
    this.#participant = told.participant;
    return told.told;
  }

  async close() {
    if (this.#process.exitCode !== null) return;
    const ended = new Promise((done) => this.#process.once("exit", done));
    this.#process.stdin.end();
    const limit = setTimeout(() => this.#process.kill("SIGKILL"), 15_000);
    await ended;
    clearTimeout(limit);
  }
}
