// Whether a button has only just come: where it stands there was nothing to press, and a press was meant for something else.

import { KEY_REST_MS, REST_MS } from "../../deliberate.ts";

/** Made with a component, lives as long as that. */
export class Fresh {
  is = $state(true);

  constructor() {
    $effect(() => {
      const timer = setTimeout(() => (this.is = false), REST_MS);
      return () => clearTimeout(timer);
    });
  }
}

/**
 * Whether a key is meant for a button: it goes to what has the focus, wherever that has come to, and whatever the button
 * says by now.
 */
export class Focus {
  #since = Date.now();

  /** `says` changes with what the button would do. */
  constructor(says: () => unknown) {
    const said = $derived(says());
    $effect(() => {
      if (said !== undefined) this.#since = Date.now();
    });
  }

  begin(): void {
    this.#since = Date.now();
  }

  get isRead(): boolean {
    return Date.now() - this.#since >= KEY_REST_MS;
  }
}
