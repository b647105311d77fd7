// Whether a button has only just come: where it stands there was nothing to press, and a press was meant for something else.

import { REST_MS } from "../../deliberate.ts";

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
