// Tells the server how it stands with this place's devices and line, whenever that is another, and not too often.

import type { Condition, Request } from "./protocol.ts";
import { RequestError } from "./signaling.ts";

/** Time between two reports, in milliseconds. Lower: a loose plug costs the operators more messages. */
const BETWEEN_MS = 2_000;

/** What the server holds of whoever has said nothing. */
export const UNTOLD: Condition = { microphone: null, camera: null, mediaBlocked: false };

function isSame(one: Condition, other: Condition): boolean {
  return one.microphone === other.microphone && one.camera === other.camera && one.mediaBlocked === other.mediaBlocked;
}

export class Reporter {
  readonly #say: (request: Extract<Request, { type: "condition" }>) => Promise<unknown>;
  #told = UNTOLD;
  #wanted = UNTOLD;
  #isBusy = false;

  constructor(say: (request: Extract<Request, { type: "condition" }>) => Promise<unknown>) {
    this.#say = say;
  }

  /** A session has begun or come back: the server has forgotten what was said before. */
  begin(): void {
    this.#told = UNTOLD;
    void this.#send();
  }

  /** So it stands now. */
  set(condition: Condition): void {
    this.#wanted = condition;
    void this.#send();
  }

  async #send(): Promise<void> {
    if (this.#isBusy || isSame(this.#told, this.#wanted)) return;
    this.#isBusy = true;
    const told = this.#wanted;
    try {
      await this.#say({ type: "condition", ...told });
      this.#told = told;
    } catch (error) {
      // A lost line: the next session says it. Anything else is said again with the next change.
      if (!(error instanceof RequestError)) throw error;
      if (error.code !== "rate_limited") return;
    } finally {
      setTimeout(() => {
        this.#isBusy = false;
        void this.#send();
      }, BETWEEN_MS);
    }
  }
}
