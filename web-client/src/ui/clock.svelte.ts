// The time, once a second, and only while something on the page shows it.

import { createSubscriber } from "svelte/reactivity";

const subscribe = createSubscriber((update) => {
  const timer = setInterval(update, 1_000);
  return () => clearInterval(timer);
});

/** Milliseconds since 1970. A component that reads it is drawn anew every second. */
export function now(): number {
  subscribe();
  return Date.now();
}
