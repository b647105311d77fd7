// One participant's WebSocket: joins, resumes, notices a dead line, comes back.

import {
  type Answer,
  type ClientMessage,
  decode,
  encode,
  type Hearing,
  PROTOCOL_VERSION,
  type Ok,
  type Request,
  type ServerMessage,
  type StateMessage,
  type Welcome,
} from "./protocol.ts";
import { judge, type OverReason, waitMs, type WaitReason } from "./verdict.ts";

/** Silence after which the server is asked for a sign of life. Lower: more messages from a quiet country. */
const QUIET_MS = 5_000;
/** How long that sign may take. With `QUIET_MS`, a dead line is noticed within 8 s. */
const PONG_MS = 3_000;
/**
 * How long it may take when there is a reason to doubt the line, at least, and as a multiple of what it took last.
 * Lower: one that is slow is taken for dead.
 */
const DOUBTED_PONG_MS = 500;
const DOUBTED_TIMES = 3;
/** How long a connection may take from its first byte to `welcome`. */
const WELCOME_MS = 10_000;
/**
 * How long a connection may take to be opened on a line that was open before: at least this, and so many times what that
 * took. Systems repeat the first packet of a connection each second at first and then ever more rarely, so a new one finds
 * a line that is back sooner. Lower: Chromium has a page wait for seconds that has given up a dozen in two minutes.
 */
const OPEN_MS = 5_000;
const OPEN_TIMES = 5;
/** After so long nothing is lost by waiting longer, and a line that has become slow is open yet. */
const LONG_CUT_MS = 60_000;
/** Until the next connection when one reached nobody: nobody is burdened by it. */
const AGAIN_MS = 300;
/** How long an answer may take on a line that is otherwise alive. */
const ANSWER_MS = 10_000;

/** `WebSocket.OPEN`: this file also runs where there is no such class. */
const IS_OPEN = 1;

/** What of a WebSocket is used here. */
export type Socket = Pick<WebSocket, "send" | "close" | "addEventListener" | "readyState">;

export interface Session {
  readonly id: string;
  readonly secret: string;
}

/** What lets this page in, and outlives a reload. */
export interface Credentials {
  readonly token: string | null;
  readonly session: Session | null;
  keepSession(session: Session | null): void;
  readonly consent: Consent;
  keepConsent(consent: Consent): void;
}

/** What a person has agreed to in this tab: to be seen, or to be seen and heard. */
export type Consent = "nothing" | "picture" | "everything";

export type Link =
  | { readonly state: "connecting" }
  | { readonly state: "open" }
  | { readonly state: "waiting"; readonly reason: WaitReason }
  | { readonly state: "over"; readonly reason: OverReason };

export interface ChannelOptions {
  readonly credentials: Credentials;
  connect(): Socket;
  /** In [0, 1). */
  random(): number;
  onLink(link: Link): void;
  onMessage(message: Welcome | StateMessage): void;
  /** Fires `online`, `visible` when a sleeping tab is looked at again, and `network` when the network seems to be another. */
  readonly wakeUps: EventTarget;
}

/** Why a request was not done. `code` is one of the protocol's, or `disconnected`, or `timeout`. */
export class RequestError extends Error {
  readonly code: string;
  readonly retryAfterSeconds: number | null;

  constructor(code: string, message: string, retryAfterSeconds: number | null = null) {
    super(message);
    this.name = "RequestError";
    this.code = code;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

interface Pending {
  resolve(message: Ok | Answer): void;
  reject(error: RequestError): void;
}

/** What happens on one WebSocket and dies with it. */
interface Attempt {
  readonly socket: Socket;
  readonly life: AbortController;
  welcomed: boolean;
  ending: { reason: string; retryAfterSeconds: number | null } | null;
}

export class SignalingChannel {
  readonly #options: ChannelOptions;
  readonly #signal: AbortSignal;
  readonly #pending = new Map<number, Pending>();
  #attempt: Attempt | null = null;
  #failures = 0;
  #nextId = 1;
  #link: Link = { state: "connecting" };
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** When it was asked for a sign of life that has not come yet, and how long the last one took. */
  #pingedAt: number | null = null;
  #roundTripMs = 0;
  /** A connection was open before; how long it took, where it was not opened before this was made. */
  #hasOpened = false;
  #openMs = 0;
  /** Since when none has been opened. */
  #unreachedSince: number | null = null;
  /** Who wants to know whether the line is alive. */
  #doubts: ((isAlive: boolean) => void)[] = [];

  constructor(options: ChannelOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
    const wake = () => this.#wake();
    options.wakeUps.addEventListener("online", wake, { signal });
    options.wakeUps.addEventListener("visible", wake, { signal });
    options.wakeUps.addEventListener("network", wake, { signal });
    signal.addEventListener("abort", () => this.#drop(), { once: true });
    this.#connect();
  }

  get link(): Link {
    return this.#link;
  }

  /** Sends a request; the promise holds its answer. Rejects with a `RequestError`. */
  request(request: Extract<Request, { type: "offer" | "restartIce" }>): Promise<Answer>;
  request(request: Request): Promise<Ok | Answer>;
  request(request: Request): Promise<Ok | Answer> {
    if (this.#link.state !== "open") {
      return Promise.reject(new RequestError("disconnected", "not connected to the server"));
    }
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        reject(new RequestError("timeout", `no answer to ${request.type} within ${ANSWER_MS / 1000} s`));
      }, ANSWER_MS);
      this.#pending.set(id, {
        resolve: (message) => {
          clearTimeout(timer);
          resolve(message);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      });
      this.#send({ ...request, id });
    });
  }

  /** Says how this page hears and sees. Nobody answers, and one that is lost does not matter. */
  report(hearing: Hearing): void {
    if (this.#link.state === "open") this.#send({ type: "quality", ...hearing });
  }

  /** Whether the line is alive, as a ping shows. One that is not is given up at once, and looked for anew. */
  check(): Promise<boolean> {
    if (this.#attempt?.welcomed !== true) return Promise.resolve(false);
    if (this.#doubts.length === 0) this.#doubt();
    return new Promise((resolve) => this.#doubts.push(resolve));
  }

  /** Leaves the conference for good. */
  leave(): void {
    if (this.#attempt?.welcomed === true) this.#send({ type: "leave" });
    this.#options.credentials.keepSession(null);
    this.#drop();
    this.#become({ state: "over", reason: "left" });
  }

  #send(message: ClientMessage): void {
    this.#attempt?.socket.send(encode(message));
  }

  #become(link: Link): void {
    this.#link = link;
    this.#options.onLink(link);
  }

  #connect(): void {
    clearTimeout(this.#timer);
    const { credentials } = this.#options;
    const { session, token } = credentials;
    if (session === null && token === null) {
      this.#become({ state: "over", reason: "token_missing" });
      return;
    }
    if (this.#link.state !== "connecting") this.#become({ state: "connecting" });

    const attempt: Attempt = {
      socket: this.#options.connect(),
      life: new AbortController(),
      welcomed: false,
      ending: null,
    };
    this.#attempt = attempt;
    const { signal } = attempt.life;
    const begun = performance.now();
    const greet = (): void => {
      this.#hasOpened = true;
      this.#unreachedSince = null;
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#lose(attempt, 1006), WELCOME_MS);
      if (session !== null) {
        this.#send({ type: "resume", protocol: PROTOCOL_VERSION, session: session.id, secret: session.secret });
      } else if (token !== null) {
        this.#send({ type: "join", protocol: PROTOCOL_VERSION, token });
      }
    };
    attempt.socket.addEventListener("message", (event) => this.#hear(attempt, event.data), { signal });
    attempt.socket.addEventListener("close", (event) => this.#lose(attempt, event.code), { signal });
    if (attempt.socket.readyState === IS_OPEN) greet();
    else {
      attempt.socket.addEventListener(
        "open",
        () => {
          this.#openMs = performance.now() - begun;
          greet();
        },
        { signal },
      );
      this.#timer = setTimeout(() => this.#miss(attempt), this.#patienceMs(begun));
    }
  }

  /** How long the connection that is begun now may take to be opened. */
  #patienceMs(now: number): number {
    const isLongCut = this.#unreachedSince !== null && now - this.#unreachedSince >= LONG_CUT_MS;
    if (!this.#hasOpened || isLongCut) return WELCOME_MS;
    return Math.min(WELCOME_MS, Math.max(OPEN_MS, OPEN_TIMES * this.#openMs));
  }

  /** Nobody answered. On a line that was open before the next connection begins soon. */
  #miss(attempt: Attempt): void {
    if (!this.#hasOpened) {
      this.#lose(attempt, 1006);
      return;
    }
    this.#unreachedSince ??= performance.now();
    this.#drop();
    this.#become({ state: "waiting", reason: "network" });
    this.#timer = setTimeout(() => this.#connect(), AGAIN_MS * (0.5 + this.#options.random()));
  }

  #hear(attempt: Attempt, data: unknown): void {
    if (attempt.welcomed) this.#listen(attempt);
    const message = decode(data);
    if (message !== null) this.#take(attempt, message);
  }

  #take(attempt: Attempt, message: ServerMessage): void {
    switch (message.type) {
      case "welcome":
        attempt.welcomed = true;
        attempt.ending = null;
        this.#failures = 0;
        this.#options.credentials.keepSession({ id: message.session, secret: message.secret });
        this.#listen(attempt);
        this.#link = { state: "open" };
        this.#options.onMessage(message);
        this.#options.onLink(this.#link);
        return;
      case "ok":
      case "answer":
        this.#settle(message.id)?.resolve(message);
        return;
      case "error": {
        const { code, retryAfterSeconds } = message;
        // Before `welcome` it refuses the join, and says more exactly why than `closing` will.
        if (message.id === null && !attempt.welcomed) attempt.ending = { reason: code, retryAfterSeconds };
        else if (message.id !== null) this.#settle(message.id)?.reject(new RequestError(code, message.message, retryAfterSeconds));
        return;
      }
      case "closing":
        attempt.ending = {
          reason: attempt.ending?.reason ?? message.reason,
          retryAfterSeconds: message.retryAfterSeconds,
        };
        return;
      case "pong":
        return;
      case "floor":
      case "stage":
      case "self":
      case "presence":
      case "conference":
      case "roster":
      case "provinces":
      case "participants":
      case "barred":
      case "trouble":
      case "undecodable":
      case "line":
      case "wanted":
        this.#options.onMessage(message);
        return;
      default:
        message satisfies never;
    }
  }

  #settle(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }

  /** Something was heard: start counting the silence anew. */
  #listen(attempt: Attempt): void {
    if (this.#pingedAt !== null) this.#roundTripMs = performance.now() - this.#pingedAt;
    this.#pingedAt = null;
    this.#resolveDoubts(true);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#probe(attempt), QUIET_MS);
  }

  #ping(): void {
    clearTimeout(this.#timer);
    this.#pingedAt = performance.now();
    this.#send({ type: "ping" });
  }

  #probe(attempt: Attempt): void {
    this.#ping();
    this.#timer = setTimeout(() => this.#lose(attempt, 1006), PONG_MS);
  }

  /** A line that is dead although nobody has closed it: there may be another network, on which it is alive at once. */
  #doubt(): void {
    this.#ping();
    this.#timer = setTimeout(() => {
      this.#drop();
      this.#connect();
    }, Math.min(PONG_MS, Math.max(DOUBTED_PONG_MS, DOUBTED_TIMES * this.#usualMs())));
  }

  /** What a sign of life usually takes. To open a connection takes two round trips at least. */
  #usualMs(): number {
    return Math.max(this.#roundTripMs, this.#openMs / 2);
  }

  #resolveDoubts(isAlive: boolean): void {
    for (const resolve of this.#doubts.splice(0)) resolve(isAlive);
  }

  /** The machine woke up or has a network again: do not sit out a timer that was set before. */
  #wake(): void {
    if (this.#attempt?.welcomed === true) this.#probe(this.#attempt);
    else if (this.#link.state === "waiting" && this.#link.reason === "network") this.#connect();
    else if (this.#hasOpened && this.#attempt !== null && this.#attempt.socket.readyState !== IS_OPEN) {
      // It was begun where there was no network, and is repeated ever more rarely.
      this.#drop();
      this.#connect();
    }
  }

  #lose(attempt: Attempt, code: number): void {
    if (this.#attempt !== attempt || this.#signal.aborted) return;
    const { ending } = attempt;
    this.#drop();
    const verdict = judge({
      code,
      reason: ending?.reason ?? null,
      retryAfterSeconds: ending?.retryAfterSeconds ?? null,
    });
    switch (verdict.next) {
      case "over":
        if (verdict.reason !== "replaced") this.#options.credentials.keepSession(null);
        this.#become({ state: "over", reason: verdict.reason });
        return;
      case "join":
        this.#options.credentials.keepSession(null);
        this.#connect();
        return;
      case "wait":
        this.#failures += 1;
        this.#become({ state: "waiting", reason: verdict.reason });
        this.#timer = setTimeout(
          () => this.#connect(),
          waitMs(this.#failures, verdict.seconds, this.#options.random()),
        );
        return;
      default:
        verdict satisfies never;
    }
  }

  /** Lets go of the current WebSocket, and of everyone who waits for an answer on it. */
  #drop(): void {
    clearTimeout(this.#timer);
    this.#pingedAt = null;
    this.#resolveDoubts(false);
    const attempt = this.#attempt;
    this.#attempt = null;
    attempt?.life.abort();
    attempt?.socket.close();
    const waiting = [...this.#pending.values()];
    this.#pending.clear();
    for (const pending of waiting) {
      pending.reject(new RequestError("disconnected", "the connection was lost before the answer"));
    }
  }
}
