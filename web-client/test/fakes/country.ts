// A conference of many sites, played by the rules of signaling/PROTOCOL.md for one operator's page.

import type { ClientMessage, Holder, Participant, ServerMessage, StateMessage } from "../../src/protocol.ts";
import { FakeServer } from "./socket.ts";

export interface FakeSite {
  readonly code: string;
  readonly name: string;
  readonly province: string;
  readonly provinceName: string;
}

const PROVINCES = [
  ["68", "Lâm Đồng"],
  ["91", "Cà Mau"],
  ["01", "Thành phố Hà Nội"],
  ["38", "Thanh Hóa"],
] as const;
const NAMES = ["Xã Tân Thành", "Phường Ba Đình", "Xã Đơn Dương", "Phường Đông Sơn", "Xã Gia Rai", "Xã Năm Căn"];

/** Six names in each of four provinces: no site can be told by its name alone. */
export const SITES: readonly FakeSite[] = PROVINCES.flatMap(([province, provinceName]) =>
  NAMES.map((name, index) => ({ code: `${province}00${index}`, name, province, provinceName })),
);

/** How often operators are told, in milliseconds. */
const TOLD_MS = 250;

type FloorRequest = Extract<ClientMessage, { type: "grantFloor" | "revokeFloor" }>;

/** A conference that a test moves on by hand. Its clock is that of the test. */
export class FakeCountry {
  readonly server = new FakeServer();
  readonly people = new Map<string, Participant>();
  holder: Holder | null = null;
  queue: { participant: string; since: string }[] = [];
  /** Every request for the floor at the moment of its being sent. */
  onFloorRequest: (request: FloorRequest) => void = () => undefined;
  /** How long an answer takes, in milliseconds. */
  delay = 40;

  readonly #changed = new Set<string>();
  #version = 1;

  constructor() {
    this.server.onSent = (message) => this.#listen(message);
    for (const site of SITES) this.people.set(`P${site.code}`, participantOf(site));
  }

  siteOf(participant: string): FakeSite {
    const found = SITES.find(({ code }) => `P${code}` === participant);
    if (found === undefined) throw new Error(`${participant} is no site`);
    return found;
  }

  /** The answer of `GET …/roster`. */
  get roster(): unknown {
    const provinces = PROVINCES.map(([code, name]) => ({ code, name, level: "province", province: code }));
    return { version: 1, sites: [...provinces, ...SITES.map(({ code, name, province }) => ({ code, name, level: "commune", province }))] };
  }

  /** Lets the page in that has just opened its WebSocket, and from then on answers what it asks. */
  welcome(role: "operator" | "chair" = "operator"): void {
    this.server.welcome({ participant: "OP", role, site: null });
    this.#say({ type: "roster", version: 1, sites: 28 });
    this.#say(this.#provinces());
    this.#tellAll(true);
    setInterval(() => this.#tellAll(false), TOLD_MS);
  }

  ask(participant: string): void {
    if (!this.people.has(participant) || this.holder?.participant === participant) return;
    if (this.queue.some((waiting) => waiting.participant === participant)) return;
    this.queue.push({ participant, since: new Date().toISOString() });
    this.#touch(participant);
  }

  withdraw(participant: string): void {
    this.queue = this.queue.filter((waiting) => waiting.participant !== participant);
    this.#touch(participant);
  }

  leave(participant: string): void {
    this.withdraw(participant);
    if (this.holder?.participant === participant) this.release();
    this.people.delete(participant);
    this.#touch(participant);
  }

  change(participant: string, part: Partial<Participant>): void {
    const before = this.people.get(participant) ?? participantOf(this.siteOf(participant));
    this.people.set(participant, { ...before, ...part });
    this.#touch(participant);
  }

  grant(participant: string): void {
    this.release();
    this.withdraw(participant);
    this.holder = { ...this.#entry(participant), since: new Date().toISOString() };
    this.#touch(participant);
  }

  /** The holder's first picture or sound arrives. */
  begin(): void {
    if (this.holder === null || this.holder.began != null) return;
    this.holder = { ...this.holder, began: new Date().toISOString() };
    this.change(this.holder.participant, { sources: ["microphone", "camera"] });
  }

  release(): void {
    const before = this.holder;
    this.holder = null;
    if (before !== null && this.people.has(before.participant)) this.change(before.participant, { sources: [] });
  }

  #touch(participant: string): void {
    this.#changed.add(participant);
  }

  #entry(participant: string): Omit<Holder, "since"> {
    const { code, name, provinceName } = this.siteOf(participant);
    return { participant, site: code, name, provinceName };
  }

  #listen(message: ClientMessage): void {
    if (message.type === "grantFloor" || message.type === "revokeFloor") this.onFloorRequest(message);
    if (message.type === "ping") setTimeout(() => this.#say({ type: "pong" }), 1);
    if ("id" in message) setTimeout(() => this.#answer(message), this.delay);
  }

  #answer(message: ClientMessage & { readonly id: number }): void {
    const { id } = message;
    if (message.type === "grantFloor" || message.type === "revokeFloor") {
      const code = this.#judge(message);
      if (code !== null) this.#say({ type: "error", id, code, message: "no", retryAfterSeconds: null });
      else this.#say({ type: "ok", id });
    } else if (message.type === "offer") {
      this.#say({ type: "answer", id, sdp: "v=0\r\n", publications: [], slots: [] });
    } else {
      this.#say({ type: "ok", id });
    }
  }

  #judge(request: FloorRequest): string | null {
    const { participant } = request;
    const holder = this.holder?.participant ?? null;
    if (request.type === "revokeFloor") {
      if (holder !== participant) return "floor_not_held";
      this.release();
      return null;
    }
    if (this.people.get(participant)?.state !== "present") return "participant_unknown";
    if (holder !== request.instead && holder !== participant) return "floor_not_held";
    if (holder !== participant) this.grant(participant);
    return null;
  }

  #say(message: ServerMessage | StateMessage): void {
    this.server.say(message);
  }

  #provinces(): StateMessage {
    const provinces = PROVINCES.map(([code, name]) => {
      const here = [...this.people.values()].filter(({ province }) => province === code);
      const present = here.filter(({ state }) => state === "present").length;
      return { code, name, expected: NAMES.length + 1, present, lost: here.length - present };
    });
    return { type: "provinces", version: this.#version, provinces };
  }

  #tellAll(full: boolean): void {
    if (!full && this.#changed.size === 0) return;
    this.#version += 1;
    const version = this.#version;
    const floorOf = (id: string): Participant["floor"] =>
      this.holder?.participant === id ? "holding" : this.queue.some(({ participant }) => participant === id) ? "waiting" : "none";
    const told = full ? [...this.people.keys()] : [...this.#changed];
    const changes = told.map((id): Participant => {
      const person = this.people.get(id);
      return person === undefined
        ? { ...participantOf(this.siteOf(id)), state: "left" }
        : { ...person, floor: floorOf(id) };
    });
    this.#changed.clear();
    this.#say({ type: "participants", version, full, changes, crowds: [] });
    this.#say(this.#provinces());
    this.#say({
      type: "floor",
      version,
      holder: this.holder,
      waiting: this.queue.length,
      queue: this.queue.slice(0, 50).map(({ participant, since }) => ({ ...this.#entry(participant), since })),
    });
  }
}

function participantOf(site: FakeSite): Participant {
  return {
    participant: `P${site.code}`,
    role: "site",
    site: site.code,
    province: site.province,
    name: site.name,
    state: "present",
    device: 1,
    muted: false,
    media: "connected",
    sources: [],
    floor: "none",
  };
}
