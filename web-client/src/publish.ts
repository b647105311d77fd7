// What this participant sends: which track each source carries, and telling the server so.

import type { Request, Source } from "./protocol.ts";
import { RequestError } from "./signaling.ts";

/** Where a source's track goes once a connection is negotiated. */
export interface Outlet {
  sender(source: Source): Pick<RTCRtpSender, "replaceTrack"> | null;
  /** What is sent fits the track's picture from now on, and how many of its layers are looked at. */
  fit(source: Source, track: MediaStreamTrack, wanted: number): Promise<void>;
}

export interface PublisherOptions {
  /** Sends a `publish` request. May reject: the server hears of it again after the next `welcome`. */
  announce(request: Extract<Request, { type: "publish" }>): Promise<unknown>;
  /** How many layers of a source are looked at. */
  wanted(source: Source): number;
}

/**
 * Keeps what should be on air, and brings every new connection and every resumed session to it.
 * Nothing here negotiates: tracks are replaced in senders that were agreed on at the join.
 */
export class Publisher {
  readonly #options: PublisherOptions;
  readonly #tracks = new Map<Source, MediaStreamTrack>();
  #outlet: Outlet | null = null;

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  get active(): ReadonlySet<Source> {
    return new Set(this.#tracks.keys());
  }

  /** Puts `track` on air as `source`, or takes the source off the air with `null`. Doing it twice does nothing. */
  async carry(source: Source, track: MediaStreamTrack | null): Promise<void> {
    const before = this.#tracks.get(source) ?? null;
    if (before === track) return;
    if (track === null) this.#tracks.delete(source);
    else this.#tracks.set(source, track);
    await this.#put(source, track);
    const toldAlready = before !== null && track !== null;
    if (this.#outlet !== null && !toldAlready) await this.#announce(source);
  }

  /** A connection has been negotiated, or the session came back: what is on air goes there. */
  async attach(outlet: Outlet): Promise<void> {
    this.#outlet = outlet;
    for (const [source, track] of this.#tracks) {
      await this.#put(source, track);
      await this.#announce(source);
    }
  }

  /** Looks whether what is sent still fits: a phone was turned, or others look at it than before. */
  async fit(): Promise<void> {
    for (const [source, track] of this.#tracks) await this.#outlet?.fit(source, track, this.#options.wanted(source));
  }

  /** Nothing of a track is sent before it is known how much of it is wanted. */
  async #put(source: Source, track: MediaStreamTrack | null): Promise<void> {
    const outlet = this.#outlet;
    if (track !== null) await outlet?.fit(source, track, this.#options.wanted(source));
    // Meanwhile another one may have been put there, or none.
    if ((this.#tracks.get(source) ?? null) === track) await outlet?.sender(source)?.replaceTrack(track);
  }

  /** The connection is gone; what should be on air stays known. */
  detach(): void {
    this.#outlet = null;
  }

  /** What was said too often is said again a moment later, as it is then. */
  async #announce(source: Source): Promise<void> {
    try {
      await this.#options.announce({ type: "publish", source, active: this.#tracks.has(source) });
    } catch (error) {
      if (!(error instanceof RequestError) || error.code !== "rate_limited") throw error;
      await new Promise((resolve) => setTimeout(resolve, (error.retryAfterSeconds ?? 1) * 1000));
      if (this.#outlet !== null) await this.#announce(source);
    }
  }
}
