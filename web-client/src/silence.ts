// Whether nothing comes of a device that is on. Pure.

/** Nothing for so long is silence, in milliseconds. Higher: a dead microphone is noticed later. Lower: a pause is one. */
const SILENT_MS = 5_000;

/** Watches for signs of life of one device. */
export class Silence {
  #heardAt: number | null = null;

  /** Something came at `now`, or it was only listened. Returns whether it is silent. */
  look(now: number, hasCome: boolean): boolean {
    if (hasCome || this.#heardAt === null) this.#heardAt = now;
    return now - this.#heardAt >= SILENT_MS;
  }

  /** Another device, or none: begin anew. */
  reset(): void {
    this.#heardAt = null;
  }
}
