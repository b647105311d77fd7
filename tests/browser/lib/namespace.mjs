// A network of its own for one browser or one server: a namespace joined to this machine, or to another
// namespace, by a pair of virtual interfaces, or by two that somebody else carries packets between, with
// a default route, and with packet filters that can take the network away.

import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Why namespaces cannot be made here, or `false`. */
export const NO_NAMESPACES = process.getuid?.() === 0 ? false : "needs root, to make network namespaces";

const PATH = `${process.env.PATH}:/usr/sbin:/sbin`;

function command(program, ...words) {
  return execFileSync(program, words, { env: { ...process.env, PATH }, stdio: ["ignore", "pipe", "pipe"] }).toString();
}

let made = 0;

/** Most namespaces of one process, and of all. */
const MOST_OF_ONE = 16;
const MOST = 65_536;

/** The last three bytes of an address of IPv4 behind its first one, in networks of eight. */
function ipv4(first, [from, size], number, host) {
  const last = (number % size) * 8 + host;
  return `${first}.${from + (last >> 16)}.${(last >> 8) & 255}.${last & 255}`;
}

/**
 * Addresses of the network with this number, by host, and how long its prefix is. To browsers 198.18.0.0/15 is as
 * public as any; the others are private.
 */
const NETWORKS = {
  private: (number) => ({ bits: 29, at: (host) => ipv4(10, [208, MOST], number, host) }),
  public: (number) => ({ bits: 29, at: (host) => ipv4(198, [18, MOST / 4], number, host) }),
  ipv6: (number) => ({ bits: 64, at: (host) => `fd5d:203:${number.toString(16)}::${host}` }),
};

export class Namespace {
  #directory;
  #inside;
  #addresses;
  #bits;

  /**
   * Makes one; `directory` holds the scripts that enter it. `interfaces`, if there are any yet, are the one that stays
   * outside and the one that goes inside. `kind` is that of its addresses, of which there are no others; `beside` the
   * namespace that it is joined to, this machine unless it is said.
   */
  constructor(directory, { interfaces, kind = "private", beside } = {}) {
    made += 1;
    const unique = `${process.pid.toString(36)}${made}`;
    this.name = `dinh-${unique}`;
    this.#directory = directory;
    const [outside, inside] = interfaces ?? [`dh${unique}o`, `dh${unique}i`];
    // By process and number, so that runs beside each other do not meet.
    const { bits, at } = NETWORKS[kind]((process.pid * MOST_OF_ONE + made) % MOST);
    /** How the browser reaches what is outside. */
    this.gateway = at(1);
    this.#inside = inside;
    this.#addresses = [2, 3, 4, 5, 6].map(at);
    this.#bits = bits;
    const without = (...words) => (beside ? beside.within(...words) : command(...words));
    command("ip", "netns", "add", this.name);
    try {
      if (!interfaces) command("ip", "link", "add", outside, "type", "veth", "peer", "name", inside);
      command("ip", "link", "set", inside, "netns", this.name);
      if (beside) command("ip", "link", "set", outside, "netns", beside.name);
      without("ip", "address", "add", `${this.gateway}/${bits}`, "dev", outside, ...this.#atOnce);
      without("ip", "link", "set", outside, "up");
      this.#add(this.#addresses[0]);
      this.within("ip", "link", "set", "lo", "up");
      this.within("ip", "link", "set", inside, "up");
      this.within("ip", "route", "add", "default", "via", this.gateway);
      this.within("nft", "add table inet cut");
      this.within("nft", "add chain inet cut in { type filter hook input priority 0; }");
      this.within("nft", "add chain inet cut out { type filter hook output priority 0; }");
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  /** Runs a program in here. */
  within(program, ...words) {
    return command("ip", "netns", "exec", this.name, program, ...words);
  }

  /** Of IPv6 the system would look for a second first whether somebody else has the address. */
  get #atOnce() {
    return this.gateway.includes(":") ? ["nodad"] : [];
  }

  #add(address) {
    this.within("ip", "address", "add", `${address}/${this.#bits}`, "dev", this.#inside, ...this.#atOnce);
  }

  /** Where `ip netns exec` looks for files that stand for those of /etc in here. */
  get #etc() {
    return `/etc/netns/${this.name}`;
  }

  /** Programs that are started in here from now on find what is outside under this name. */
  call(name) {
    mkdirSync(this.#etc, { recursive: true });
    writeFileSync(join(this.#etc, "hosts"), `127.0.0.1 localhost\n${this.gateway} ${name}\n`);
  }

  /** Programs that are started in here from now on ask what is outside for names. */
  resolve() {
    mkdirSync(this.#etc, { recursive: true });
    writeFileSync(join(this.#etc, "resolv.conf"), `nameserver ${this.gateway}\n`);
  }

  /** Its own address now. */
  get address() {
    return this.#addresses[0];
  }

  /** Words that, put before a command, run it in here. */
  get prefix() {
    return ["ip", "netns", "exec", this.name];
  }

  /** Path of a program that runs `executable` in here. */
  wrap(executable) {
    const path = join(this.#directory, `${this.name}.sh`);
    writeFileSync(path, `#!/bin/sh\nPATH="$PATH:/usr/sbin:/sbin"\nexec ${this.prefix.join(" ")} ${executable} "$@"\n`);
    chmodSync(path, 0o755);
    return path;
  }

  #cut(...rules) {
    this.within("nft", rules.map((rule) => `add rule inet cut ${rule}`).join("; "));
  }

  /** From now on nothing comes in or goes out. */
  cutAll() {
    this.#cut('in iifname != "lo" drop', 'out oifname != "lo" drop');
  }

  /** From now on so many percent of all datagrams are lost, each way. */
  lose(percent) {
    const lost = `meta l4proto udp numgen random mod 100 < ${percent} drop`;
    this.#cut(`in ${lost}`, `out ${lost}`);
  }

  /** From now on TCP to this port is refused; connections that are open break. */
  cutTcp(port) {
    this.#cut(`out tcp dport ${port} reject with tcp reset`, `in tcp sport ${port} reject with tcp reset`);
  }

  /** From now on nothing goes out to this port of TCP, and nobody says so. */
  dropTcp(port) {
    this.#cut(`out tcp dport ${port} drop`);
  }

  /** From now on whoever is asked for names is silent. */
  cutResolver() {
    this.#cut("out meta l4proto { tcp, udp } th dport 53 drop");
  }

  /** From now on no UDP comes in or goes out. */
  cutUdp() {
    this.#cut("in meta l4proto udp drop", "out meta l4proto udp drop");
  }

  /** From now on nothing goes out but TCP to this port, and UDP to another if one is named. */
  passOnly(port, { udp } = {}) {
    if (udp === undefined) this.cutUdp();
    else this.#cut(`out oifname != "lo" udp dport != ${udp} drop`);
    this.passTcpOnly(port);
  }

  /** From now on TCP goes out to this port alone. */
  passTcpOnly(port) {
    this.#cut(`out oifname != "lo" tcp dport != ${port} drop`);
  }

  /** From now on nothing goes out to this host of IPv4. */
  cutHost(host) {
    this.#cut(`out ip daddr ${host} drop`);
  }

  /** From now on what looks like STUN does not go out, in a frame or without one: as where only TLS may pass. */
  cutStun() {
    for (const bit of [32, 48]) this.#cut(`out @ih,${bit},32 0x2112a442 drop`);
  }

  /** From now on packets have so many bytes at most. */
  narrow(bytes) {
    this.within("ip", "link", "set", this.#inside, "mtu", String(bytes));
  }

  /** From now on this network has another address, of five by turns, and the old one is gone. */
  readdress() {
    const old = this.#addresses.shift();
    this.#addresses.push(old);
    const [next] = this.#addresses;
    this.within("ip", "address", "del", `${old}/${this.#bits}`, "dev", this.#inside);
    this.#add(next);
    this.within("ip", "route", "replace", "default", "via", this.gateway);
  }

  /** Everything passes again. */
  mend() {
    this.within("nft", "flush table inet cut");
  }

  /** Ends what still runs in here and takes it down. */
  remove() {
    for (const pid of command("ip", "netns", "pids", this.name).split("\n").filter(Boolean)) {
      try {
        process.kill(Number(pid), "SIGKILL");
      } catch {
        // It ended by itself.
      }
    }
    command("ip", "netns", "delete", this.name);
    rmSync(this.#etc, { recursive: true, force: true });
  }
}
