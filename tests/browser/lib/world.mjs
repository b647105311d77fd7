// A conference for one test file: the server, browsers with clips, networks; and taking it all down.

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { makeClip } from "./clip.mjs";
import { Namespace } from "./namespace.mjs";
import { Server } from "./server.mjs";
import { launchChromium, Visitor } from "./visitor.mjs";

/** What a hall's camera gives, enough for three layers; and a site's. */
const SIZE = { hall: { width: 1280, height: 720 }, site: { width: 640, height: 360 } };

export class World {
  #directory = mkdtempSync(join(tmpdir(), "dinh-browser-"));
  /** What is to be undone, in the order in which it was done. */
  #undo = [];
  server;

  /** A directory for files of its own, which is gone in the end. */
  get directory() {
    return this.#directory;
  }

  /** Starts the server, in a namespace or on this machine; `settings` are further `DINH_…` variables. */
  async start(settings, namespace, how) {
    const data = join(this.#directory, "data");
    mkdirSync(data);
    this.server = await Server.start(data, settings, namespace, how);
    this.#undo.push(() => this.server.stop());
  }

  /** Has something be done in the end. */
  later(undo) {
    this.#undo.push(undo);
  }

  /**
   * A browser whose camera and microphone play the clip of `source`, a camera of this `size`; without one it has a
   * plain network of its own.
   */
  async browser({ source, namespace, args, size = source === "hall" ? SIZE.hall : SIZE.site } = {}) {
    const clip = source && makeClip(this.#directory, source, size);
    const browser = await launchChromium({ clip, namespace, args });
    this.#undo.push(() => browser.close());
    return browser;
  }

  /** A network of its own for a browser or the server; see `Namespace`. */
  namespace(options) {
    const namespace = new Namespace(this.#directory, options);
    this.#undo.push(() => namespace.remove());
    return namespace;
  }

  /** Opens a link of the server at a page in `browser`. */
  visit(browser, link, host = "127.0.0.1") {
    return Visitor.open(browser, this.server.at(host, link));
  }

  /** The hall, on air; `size` is that of its camera. */
  async hall({ size } = {}) {
    const hall = await this.visit(await this.browser({ source: "hall", size }), this.server.links.hall);
    await hall.press("Join the conference");
    await hall.reads("On air");
    return hall;
  }

  /** Takes everything down, the last first, whatever of it fails. */
  async end() {
    const failures = [];
    for (const undo of this.#undo.reverse()) {
      try {
        await undo();
      } catch (error) {
        failures.push(error);
      }
    }
    rmSync(this.#directory, { recursive: true, force: true });
    if (failures.length > 0) throw new AggregateError(failures, "not everything could be taken down");
  }
}
