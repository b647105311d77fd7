// Whom to call: the organisers, as the server's configuration says, and who is to be called at the province of the link's
// site, as the list of sites says. Asked for by the first page that shows it.

import { Shelf } from "../memory.ts";

export interface Contacts {
  /** A telephone number, or whatever the configuration says; `null` if it says nothing. */
  readonly organiser: string | null;
  /** Somebody at the place above the site; `null` where nothing is known of any. */
  readonly above: { readonly place: string; readonly isProvince: boolean; readonly contact: string } | null;
}

/** Whom everybody is told to call is remembered: it is wanted most where nothing can be asked. */
const ORGANISER = "dinh.organiser";

const NOBODY: Contacts = { organiser: null, above: null };

let contacts = $state.raw(NOBODY);
/** What was sent along when it was asked last. */
let asked: string | null | undefined;

function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

const words = (value: unknown): string | null => (typeof value === "string" && value !== "" ? value : null);

/** A name and a telephone number in one line, as far as they are there; `null` if neither is. */
export function inOneLine(name: unknown, phone: unknown): string | null {
  return words([words(name), words(phone)].filter((part) => part !== null).join(", "));
}

/** Seven digits or more, with what people write between them. */
const NUMBER = /(\+?\d(?:[ .()-]*\d){6,})/u;

/** A line about whom to call, apart from the telephone numbers in it. */
export function partsOf(line: string): readonly { text: string; isNumber: boolean }[] {
  return line.split(NUMBER).map((text, index) => ({ text, isNumber: index % 2 === 1 })).filter(({ text }) => text !== "");
}

/** Reads `/contact.json`; what is missing is nobody. */
export function readContacts(body: unknown): Contacts {
  const above = field(body, "above");
  const place = words(field(above, "place"));
  const contact = inOneLine(field(above, "name"), field(above, "phone"));
  return {
    organiser: words(field(body, "organiser")),
    above: place === null || contact === null ? null : { place, isProvince: field(above, "level") === "province", contact },
  };
}

async function fetchContacts(credential: string | null): Promise<Contacts> {
  const headers = credential === null ? {} : { authorization: `Bearer ${credential}` };
  const shelf = new Shelf(() => localStorage);
  try {
    const told = readContacts(await (await fetch("/contact.json", { headers })).json());
    shelf.write(ORGANISER, told.organiser);
    return told;
  } catch {
    return { ...NOBODY, organiser: shelf.read(ORGANISER) };
  }
}

/** Whom the holder of a token or of a link's code may call, whether or not it is good. */
export function contactsFor(credential: string | null): Contacts {
  // Whoever has left keeps knowing whom to call.
  if (credential === null ? asked === undefined : credential !== asked) {
    asked = credential;
    void fetchContacts(credential).then((told) => {
      if (asked === credential) contacts = told;
    });
  }
  return contacts;
}
