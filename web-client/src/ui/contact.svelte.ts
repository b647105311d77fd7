// How to reach the organisers, as the server's configuration says. Asked for once, by the first page that shows it.

import { ask } from "../api.ts";

let contact = $state<string | null>(null);
let isAsked = false;

/** A telephone number, or whatever the configuration says; `null` if it says nothing. */
export function organiser(): string | null {
  if (!isAsked) {
    isAsked = true;
    ask("/contact", { method: "GET" }).then(
      (body) => {
        const told = (body as Record<string, unknown> | null)?.["organiser"];
        contact = typeof told === "string" && told !== "" ? told : null;
      },
      () => undefined,
    );
  }
  return contact;
}
