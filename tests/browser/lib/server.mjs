// The real server, in a data directory of its own, at a port that stays its own.

import { execFile, spawn } from "node:child_process";
import { createHmac, randomBytes, X509Certificate } from "node:crypto";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

import { freePort } from "./port.mjs";
import { ask } from "./rest.mjs";
import { until } from "./until.mjs";

const run = promisify(execFile);

/** Key of a program that may sign tokens by itself. */
const PORTAL = { id: "portal", secret: randomBytes(32).toString("hex") };

function binary() {
  const path = process.env.DINH;
  if (!path) throw new Error("DINH must name the server's binary: run `make browsers`");
  return path;
}

/** What the system chose for an address with port 0. */
const SERVING = /serving.*http=\S*:(\d+)/u;

/** A running `dinh serve --demo`; or without the demo, as an office begins: nobody is there, and nothing. */
export class Server {
  #isDemo;
  #process;
  #directory;
  #environment;
  #log = [];
  #token;

  #prefix;
  /** How this process reaches it. */
  #host;

  /** Links into the demo conference by role, as the server printed them. */
  links = {};
  port = 0;

  /** Starts in `directory`, in a namespace if there is one; `settings` are further `DINH_…` variables. */
  static async start(directory, settings = {}, namespace, { isDemo = true } = {}) {
    const server = new Server();
    server.#isDemo = isDemo;
    await server.#start(directory, settings, namespace);
    return server;
  }

  async #start(directory, settings, namespace) {
    this.#directory = directory;
    this.#prefix = namespace?.prefix ?? [];
    this.#host = namespace?.address ?? "127.0.0.1";
    this.#environment = {
      ...process.env,
      DINH_DATA_DIR: directory,
      DINH_HTTP__LISTEN: "0.0.0.0:0",
      DINH_ADMIN__LISTEN: "127.0.0.1:0",
      DINH_MEDIA__PORT: "0",
      DINH_AUTH__API_KEYS__PORTAL: PORTAL.secret,
      ...settings,
    };
    // A restart is found at the same address.
    const port = await freePort();
    this.#environment.DINH_HTTP__LISTEN = this.#environment.DINH_HTTP__LISTEN.replace(/:0$/u, `:${port}`);
    await this.#run();
    this.port = this.#isDemo ? Number(this.links.operator.port || 443) : Number(SERVING.exec(this.log)[1]);
  }

  async #run() {
    this.links = {};
    const before = this.#log.length;
    const [program, ...words] = [...this.#prefix, binary(), "serve", ...(this.#isDemo ? ["--demo"] : [])];
    this.#process = spawn(program, words, {
      cwd: this.#directory,
      env: this.#environment,
      stdio: ["ignore", "pipe", "pipe"],
    });
    createInterface({ input: this.#process.stderr }).on("line", (line) => this.#log.push(line));
    createInterface({ input: this.#process.stdout }).on("line", (line) => {
      this.#log.push(line);
      const [, role, link] = /^(\w+)\s+(http\S+)/u.exec(line) ?? [];
      if (role !== undefined) this.links[role.toLowerCase()] = new URL(link);
    });
    await until(
      this.#isDemo ? "the server prints three links" : "the server says where it serves",
      () => {
        if (this.#process.exitCode !== null) throw new Error(`the server ended:\n${this.log}`);
        return this.#isDemo ? ["operator", "hall", "commune"].every((role) => role in this.links) : SERVING.test(this.#log.slice(before).join("\n"));
      },
      { seconds: 30 },
    );
  }

  /** Kills it without a warning, as a power cut would, and starts it again. */
  async crash() {
    const ended = new Promise((done) => this.#process.once("exit", done));
    this.#process.kill("SIGKILL");
    await ended;
    await this.#run();
  }

  /** Stops it in order and starts it again, as an upgrade does. */
  async restart() {
    await this.stop();
    await this.#run();
  }

  /** Everything that it has written. */
  get log() {
    return this.#log.join("\n");
  }

  /** A link of the server as a browser at `host` opens it. */
  at(host, link) {
    const url = new URL(link);
    url.host = `${host}:${this.port}`;
    return url.href;
  }

  /** A token made by the command line. */
  async token(options) {
    const words = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
    return this.command("token", "create", ...words);
  }

  /** What `dinh` prints when somebody calls it so, beside the running server. */
  async command(...words) {
    const { stdout } = await run(binary(), words, { env: this.#environment });
    return stdout.trim();
  }

  /** The root of the server's own authority. */
  async root() {
    const { stdout } = await run(binary(), ["tls", "root"], { env: this.#environment });
    return new X509Certificate(stdout);
  }

  /** A token of a site for the demo conference, signed by a portal, that was over some minutes ago. */
  expiredToken(site) {
    const then = Math.floor(Date.now() / 1000) - 600;
    const times = { iat: then, nbf: then, exp: then + 300 };
    const claims = { iss: PORTAL.id, sub: site, aud: "dinh", jti: "over", conf: "demo", role: "site", site, ...times };
    const parts = [{ alg: "HS256", typ: "JWT", kid: PORTAL.id }, claims];
    const signed = parts.map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
    return `${signed}.${createHmac("sha256", PORTAL.secret).update(signed).digest("base64url")}`;
  }

  /** The link of a site into the demo conference. */
  async linkOf(site) {
    const token = await this.token({ conference: "demo", role: "site", site });
    return new URL(`${this.links.operator.protocol}//127.0.0.1:${this.port}/site#token=${token}`);
  }

  /** What the REST interface answers an administrator. */
  async rest(path, method = "GET", body = undefined) {
    this.#token ??= await this.token({ role: "admin" });
    const base = `${this.links.operator?.protocol ?? "http:"}//${this.#host}:${this.port}`;
    return ask(`${base}/api/v1${path}`, this.#token, method, body);
  }

  /** Who is in the demo conference for `site`. */
  async participantsOf(site) {
    const all = await this.rest("/conferences/demo/participants");
    return all.filter((participant) => participant.site === site);
  }

  async stop() {
    if (this.#process.exitCode !== null) return;
    const ended = new Promise((done) => this.#process.once("exit", done));
    this.#process.kill("SIGTERM");
    const limit = setTimeout(() => this.#process.kill("SIGKILL"), 15_000);
    await ended;
    clearTimeout(limit);
  }
}
