// Which places of a list are too fresh to be pressed, as the components see it.

import { arrange, isAtRest, NO_PLACES, type Places, resting, shift } from "../../deliberate.ts";

export class Rest {
  /** Keys of what a press would not be meant for. */
  resting = $state.raw<ReadonlyMap<string, number>>(new Map());

  #places: Places = NO_PLACES;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(signal: AbortSignal) {
    signal.addEventListener("abort", () => clearTimeout(this.#timer), { once: true });
  }

  /** The list shows these now, in this order. */
  arrange(keys: readonly string[]): void {
    const places = arrange(this.#places, keys, Date.now());
    if (places === this.#places) return;
    this.#places = places;
    this.#look();
  }

  /** Something above the list has moved it. */
  shift(): void {
    this.#places = shift(this.#places, Date.now());
    this.#look();
  }

  /** Whether a press of a pointer on this one is meant for it: it has stood there, and it is no second press. */
  isMeant(key: string, press: MouseEvent): boolean {
    return press.detail <= 1 && isAtRest(this.#places, key, Date.now());
  }

  #look(): void {
    clearTimeout(this.#timer);
    const now = Date.now();
    this.resting = resting(this.#places, now);
    if (this.resting.size === 0) return;
    let next = Number.POSITIVE_INFINITY;
    for (const at of this.resting.values()) next = Math.min(next, at);
    this.#timer = setTimeout(() => this.#look(), next - now);
  }
}
