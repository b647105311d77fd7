// How to reach the organisers, as the server's configuration says. Asked for once, by the first page that shows it.

let contact = $state<string | null>(null);
let isAsked = false;

async function fetchContact(): Promise<string | null> {
  try {
    const body: unknown = await (await fetch("/contact.json")).json();
    const told = (body as Record<string, unknown> | null)?.["organiser"];
    return typeof told === "string" && told !== "" ? told : null;
  } catch {
    return null;
  }
}

/** A telephone number, or whatever the configuration says; `null` if it says nothing. */
export function organiser(): string | null {
  if (!isAsked) {
    isAsked = true;
    void fetchContact().then((told) => (contact = told));
  }
  return contact;
}
