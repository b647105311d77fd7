// One check of this place: what is tried in which order and for how long, and what is known of it meanwhile. What it
// tries with is given to it.

import { type Begun, type Means, type Measured, MEANS, type Outcome, SERVER_FULL, type Unreached, unreached } from "./contract.ts";
import type { Figures } from "./figures.ts";

/** Longest that one step may take, in milliseconds. Higher: a slow line is not taken for a dead one. Lower: sooner known. */
export const PATIENCE_MS = 8_000;

/** The same for the one that measures, which fills the line for a while. */
const MEASURE_PATIENCE_MS = 3 * PATIENCE_MS;

/** The same for a second try by UDP, which is soon done if it is done at all. */
const BESIDE_PATIENCE_MS = 3_000;

/** The same for finding out why the server does not answer: a resolver that is silent takes long. */
export const UNREACHED_PATIENCE_MS = 12_000;

/** The same for learning of the server what is wanted when it does not answer. */
const KNOW_PATIENCE_MS = 3_000;

/** A connection by which something may be received. */
export interface Way {
  close(): void;
}

/** Why the server does not begin a check: it does not answer, or has no time. */
export type Refusal = "noAnswer" | "busy";

/** What of the browser, of this machine and of the server a check needs. */
export interface Doors<Opened extends Way> {
  /** Begins one at the server. */
  begin(signal: AbortSignal): Promise<Begun | Refusal>;
  /** Whether a WebSocket opens. */
  openWebSocket(signal: AbortSignal): Promise<boolean>;
  /** Tries whether media comes by these means; rejects if it does not. */
  open(begun: Begun, means: Means, signal: AbortSignal): Promise<Opened | "notOffered">;
  /** Keeps what is wanted when the server does not answer one day. */
  know(begun: Begun, way: Opened, signal: AbortSignal): Promise<void>;
  /** Finds out why the server does not answer. */
  findUnreached(signal: AbortSignal): Promise<Unreached>;
  /** Tries UDP where this page was reached, wherever the server says that it is; rejects if it does not pass. */
  openBeside(begun: Begun, signal: AbortSignal): Promise<Way>;
  /** Sends to the server what comes back by `way`; `null` if nothing did. */
  measure(begun: Begun, means: Means, way: Opened, signal: AbortSignal): Promise<Figures | null>;
  /** Sends what was measured; `null` if the server does not answer, or does not know this check. */
  report(id: string, measured: Measured, signal: AbortSignal): Promise<Outcome | null>;
  /** What is known without a network. */
  machine(): Promise<Measured>;
  /** This machine's clock, in milliseconds. */
  now(): number;
}

/** What is being done. */
export type Phase = "reaching" | "ways" | "line" | "reporting" | "over";

/** What is known so far. */
export interface Progress {
  readonly phase: Phase;
  readonly measured: Measured;
  readonly outcome: Outcome | null;
}

export const NOT_BEGUN: Progress = { phase: "reaching", measured: {}, outcome: null };

export class LineCheck<Opened extends Way> {
  readonly #doors: Doors<Opened>;
  readonly #onChange: (progress: Progress) => void;
  readonly #signal: AbortSignal;
  #progress = NOT_BEGUN;
  #begun: Begun | null = null;
  #isReporting = false;

  constructor(doors: Doors<Opened>, onChange: (progress: Progress) => void, signal: AbortSignal) {
    this.#doors = doors;
    this.#onChange = onChange;
    this.#signal = signal;
  }

  get progress(): Progress {
    return this.#progress;
  }

  /** Does everything that needs no act of a person. */
  async run(): Promise<void> {
    this.#learn(await this.#bounded(() => this.#doors.machine(), {}));
    const asked = this.#doors.now();
    const begun = await this.#bounded((signal) => this.#doors.begin(signal), "noAnswer");
    if (this.#signal.aborted) return;
    if (typeof begun === "string") {
      const why = begun === "busy" ? null : await this.#bounded((signal) => this.#doors.findUnreached(signal), "noAnswer", UNREACHED_PATIENCE_MS);
      this.#end(why === null ? SERVER_FULL : unreached(why));
      return;
    }
    const answered = this.#doors.now();
    this.#begun = begun;
    this.#learn({ clockOffsetMs: Math.round((asked + answered) / 2 - begun.time) });
    await this.#walk(begun);
    if (this.#signal.aborted) return;
    this.#change({ phase: "reporting" });
    await this.#report(begun);
  }

  /** Adds what a person's act has shown, and has the server judge again. */
  async add(measured: Measured): Promise<void> {
    const known: Measured = this.#progress.measured;
    const isNew = (Object.keys(measured) as (keyof Measured)[]).some((field) => measured[field] !== known[field]);
    if (!isNew) return;
    this.#learn(measured);
    // Until then it goes along with the rest.
    if (this.#begun !== null && this.#progress.phase === "over") await this.#report(this.#begun);
  }

  /** Which ways there are, and what the best of them is like. */
  async #walk(begun: Begun): Promise<void> {
    this.#change({ phase: "ways" });
    const ways = new Map<Means, Opened>();
    try {
      const webSocket = this.#bounded((signal) => this.#doors.openWebSocket(signal), false).then((opens) => this.#learn({ webSocket: opens }));
      const possible = this.#progress.measured.hasWebRtc === false ? [] : MEANS.filter((means) => means !== "turn" || begun.iceServers.length > 0);
      const tries = possible.map(async (means) => {
        const way = await this.#bounded((signal) => this.#doors.open(begun, means, signal), null);
        if (way === "notOffered") return;
        if (way !== null) ways.set(means, way);
        this.#learn({ [means]: way !== null });
      });
      await Promise.all([webSocket, ...tries]);
      if (this.#progress.measured.udp === false) {
        const beside = await this.#bounded((signal) => this.#doors.openBeside(begun, signal), null, BESIDE_PATIENCE_MS);
        beside?.close();
        this.#learn({ beside: beside !== null });
      }
      const best = MEANS.find((means) => ways.has(means));
      const way = best && ways.get(best);
      if (best === undefined || way === undefined || this.#signal.aborted) return;
      this.#change({ phase: "line" });
      this.#learn({ means: best });
      for (const [means, other] of ways) if (means !== best) other.close();
      await this.#bounded((signal) => this.#doors.know(begun, way, signal), undefined, KNOW_PATIENCE_MS);
      const figures = await this.#bounded((signal) => this.#doors.measure(begun, best, way, signal), null, MEASURE_PATIENCE_MS);
      if (figures !== null) this.#learn(figures);
    } finally {
      for (const way of ways.values()) way.close();
    }
  }

  /** What was measured while the server judged is sent once more. */
  async #report({ id }: Begun): Promise<void> {
    if (this.#isReporting) return;
    this.#isReporting = true;
    let sent: Measured;
    let outcome: Outcome | null;
    do {
      sent = this.#progress.measured;
      outcome = await this.#bounded((signal) => this.#doors.report(id, sent, signal), null);
    } while (sent !== this.#progress.measured && !this.#signal.aborted);
    this.#isReporting = false;
    if (!this.#signal.aborted) this.#end(outcome ?? this.#progress.outcome ?? unreached("noAnswer"));
  }

  /** What comes of `act`, or `instead` when it fails or takes too long. */
  async #bounded<T>(act: (signal: AbortSignal) => Promise<T>, instead: T, patience = PATIENCE_MS): Promise<T> {
    const life = new AbortController();
    const end = (): void => life.abort();
    const timer = setTimeout(end, patience);
    this.#signal.addEventListener("abort", end, { once: true });
    // Not everything that a browser does listens to a signal.
    const over = new Promise<T>((done) => life.signal.addEventListener("abort", () => done(instead), { once: true }));
    try {
      return await Promise.race([act(life.signal), over]);
    } catch {
      return instead;
    } finally {
      clearTimeout(timer);
      this.#signal.removeEventListener("abort", end);
    }
  }

  #end(outcome: Outcome): void {
    this.#change({ phase: "over", outcome });
  }

  #learn(measured: Measured): void {
    this.#change({ measured: { ...this.#progress.measured, ...measured } });
  }

  #change(part: Partial<Progress>): void {
    this.#progress = { ...this.#progress, ...part };
    if (!this.#signal.aborted) this.#onChange(this.#progress);
  }
}
