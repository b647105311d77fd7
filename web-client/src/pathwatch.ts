// Whether the media's way has broken, and when it is to be renewed: judged by what arrives and by what the browser
// says. Pure.

import type { PeerState } from "./peer.ts";

/**
 * Nothing at all for so long: the way is broken. The server sends something every 0.7 s at least, whatever is on air.
 * Lower: a hiccup of the line costs a renewal. Higher: a picture stands still for longer.
 */
const SILENT_MS = 1_200;
/**
 * The same over UDP where much came until then and the server has answered over the WebSocket since: no network was gone
 * meanwhile, and nothing holds up what comes by itself.
 */
const SURELY_SILENT_MS = 950;
/** Nothing for so long, two looks: it is time to doubt, if there is another reason to. */
const DOUBTED_MS = 400;
/**
 * It is asked over the WebSocket whether there is a network at all, so that this is known by then: after that time where
 * something came at each of so many looks before, and a little later where little is on air.
 */
const ASKED = { looks: 4, otherwiseMs: 500 };
/** How long the browser may call the way disconnected. It says so late, and sometimes of a way that works. */
const DISCONNECTED_MS = 1_000;
/** Media that has not come through for so long does not: people are told what that may be. */
const BLOCKED_MS = 8_000;
/** A connection that has not come about after so long is made anew. */
const CONNECT_MS = 15_000;
/** Between two renewals, each wait twice the last: what a new connection takes on a slow line. */
const RETRY_MS = { first: 2_000, longest: 15_000 };
/** Between two attempts to get from TCP back to UDP, likewise. */
const RETURN_MS = { first: 10_000, longest: 300_000 };
/** The same where there never was UDP, which most such networks will not let through later either. */
const FIRST_LOOK_MS = 60_000;
/** After so long over UDP the next attempts begin anew. */
const STEADY_MS = 60_000;

/**
 * What is to be done. A broken way wants a fresh connection: after an ICE restart browsers go on sending over the old
 * way until it has been silent for seconds, and wait for a keyframe as long. A way that works goes on during a restart.
 */
export type Remedy = "fresh" | "restart" | "ask";

/** What a peer connection knows of its way. */
export interface Sight {
  readonly state: PeerState;
  /** Grows with everything that arrives. */
  readonly received: number;
  /** What the way is made of, by a relay or without; `null` while it is not known. */
  readonly protocol: "udp" | "tcp" | null;
}

export class PathWatch {
  #received = 0;
  #heardAt: number | null = null;
  #isAsked = false;
  /** The server has been heard of over the WebSocket since it was asked. */
  #isAnswered = false;
  /** At so many looks in a row something had come. */
  #flowed = 0;
  #hasPaused = false;
  #disconnectedAt: number | null = null;
  /** Since when this connection is being made, and since when there is none at all. */
  #connectingSince: number | null = null;
  #withoutSince: number | null = null;
  #retryAt = 0;
  #retryMs = RETRY_MS.first;
  /** Since when it has been this. */
  #protocol: "udp" | "tcp" | null = null;
  #protocolSince = 0;
  #returnAt = 0;
  #returnMs = RETURN_MS.first;

  /** The network is said to have changed: what failed before may succeed now. */
  begin(): void {
    this.#retryAt = 0;
    this.#retryMs = RETRY_MS.first;
    this.#returnAt = 0;
    this.#returnMs = RETURN_MS.first;
  }

  /** There is a fresh connection, on which nothing has come yet. */
  renewed(): void {
    this.#received = 0;
    this.#isAnswered = false;
    this.#disconnectedAt = null;
    this.#connectingSince = null;
  }

  /** The server, which was asked because nothing came, can be reached. */
  answered(): void {
    this.#isAnswered = this.#isAsked;
  }

  /** The server cannot be reached at all: nobody knows whether media would come through. */
  suspend(): void {
    this.#connectingSince = null;
    this.#withoutSince = null;
  }

  /** Whether media does not come through. */
  isBlocked(now: number): boolean {
    return this.#withoutSince !== null && now - this.#withoutSince >= BLOCKED_MS;
  }

  /** Whether nothing has come for a moment, which says something only where there is another reason to doubt. */
  isDoubtful(now: number): boolean {
    return this.#heardAt !== null && now - this.#heardAt >= DOUBTED_MS;
  }

  /** Whether nothing comes although something did. */
  isSilent(now: number): boolean {
    if (this.#heardAt === null) return false;
    const isSure = this.#isAnswered && this.#protocol === "udp" && this.#flowed >= ASKED.looks;
    return now - this.#heardAt >= (isSure ? SURELY_SILENT_MS : SILENT_MS);
  }

  /** What is to be done now. `now` in milliseconds. */
  look(now: number, sight: Sight): Remedy | null {
    this.#note(now, sight);
    if (this.#isBroken(now, sight)) {
      if (now < this.#retryAt) return null;
      this.#retryAt = now + this.#retryMs;
      this.#retryMs = Math.min(RETRY_MS.longest, this.#retryMs * 2);
      return "fresh";
    }
    if (this.#isToBeAsked(now)) {
      this.#isAsked = true;
      return "ask";
    }
    if (sight.protocol !== "tcp" || now < this.#returnAt) return null;
    this.#returnAt = now + this.#returnMs;
    this.#returnMs = Math.min(RETURN_MS.longest, this.#returnMs * 2);
    return "restart";
  }

  #note(now: number, { state, received, protocol }: Sight): void {
    if (received > this.#received) {
      this.#flowed = this.#hasPaused ? 1 : this.#flowed + 1;
      this.#hasPaused = false;
      this.#received = received;
      this.#heardAt = now;
      this.#isAsked = false;
      this.#isAnswered = false;
      if (state === "connected") {
        this.#retryAt = 0;
        this.#retryMs = RETRY_MS.first;
      }
    } else {
      this.#hasPaused = true;
    }
    this.#connectingSince = state === "connecting" ? (this.#connectingSince ?? now) : null;
    this.#withoutSince = state === "connected" ? null : (this.#withoutSince ?? now);
    this.#disconnectedAt = state === "disconnected" ? (this.#disconnectedAt ?? now) : null;
    if (protocol === null || protocol === this.#protocol) return;
    if (protocol === "tcp" && this.#protocol === "udp") {
      if (now - this.#protocolSince >= STEADY_MS) this.#returnMs = RETURN_MS.first;
      this.#returnAt = now + this.#returnMs;
    }
    if (protocol === "tcp" && this.#protocol === null) {
      this.#returnMs = FIRST_LOOK_MS;
      this.#returnAt = now + this.#returnMs;
    }
    this.#protocol = protocol;
    this.#protocolSince = now;
  }

  #isToBeAsked(now: number): boolean {
    if (this.#isAsked || this.#heardAt === null) return false;
    const isFlowing = this.#flowed >= ASKED.looks;
    return now - this.#heardAt >= (isFlowing ? DOUBTED_MS : ASKED.otherwiseMs);
  }

  #isBroken(now: number, { state }: Sight): boolean {
    if (state === "failed") return true;
    if (this.#connectingSince !== null && now - this.#connectingSince >= CONNECT_MS) return true;
    if (this.#disconnectedAt !== null && now - this.#disconnectedAt >= DISCONNECTED_MS) return true;
    return this.isSilent(now);
  }
}
