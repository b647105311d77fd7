// Why the server does not answer, as far as a browser can find that out without it. Deciding is pure.

import type { Unreached } from "./contract.ts";
import { type Known, remembered } from "./known.ts";
import { ask, type Reply, tells, turnUrl } from "./probe.ts";

/** A name that nobody has (RFC 6761): who says so within the time is a resolver that works. */
const NOBODY = "nobody.invalid";

/** How long the replies are waited for, in milliseconds: a resolver that is silent is given up after as long. */
const PATIENCE_MS = 10_000;

/** The clock of the server may be off itself, by so much. */
const CLOCK_MS = 60_000;

/** What was found out. `null`: there was nothing to be asked. */
export interface Signs {
  /** Whether anybody answers under the name in the address bar, which may be an address itself. */
  readonly name: Reply;
  /** Whether the resolver knows that name. */
  readonly lookup: Reply | null;
  /** Whether it knows that nobody has another name. */
  readonly nobody: Reply | null;
  /** Whether anybody answers at one of the addresses where the server did before. */
  readonly addresses: Reply | null;
}

/** What stands in the way. Where more than one thing may, the one that says so. */
export function whyUnreached({ name, lookup, nobody, addresses }: Signs, known: Known | null, now: number): Unreached {
  if (name === "answers") {
    // What answers is not what https wants to see.
    if (known !== null && now < known.at - CLOCK_MS) return "clockWrong";
    return known?.certificateEndsAt != null && now > known.certificateEndsAt ? "certificateExpired" : "certificateNotTrusted";
  }
  if (addresses === "answers") return "nameUnknown";
  // The resolver works, and so does the network up to there: it knows this name, and not every one.
  return lookup === "nothing" && nobody === "unknownName" ? "portBlocked" : "noAnswer";
}

const isAddress = (host: string): boolean => host.startsWith("[") || /^[\d.]+$/u.test(host);

const portOf = ({ port, protocol }: Pick<Location, "port" | "protocol">): number => Number(port || (protocol === "https:" ? 443 : 80));

/** Asks around, and says what stands in the way. */
export async function findUnreached(page: Pick<Location, "hostname" | "port" | "protocol">, signal: AbortSignal): Promise<Unreached> {
  if (!tells() || !navigator.onLine) return "noAnswer";
  const known = remembered();
  const life = new AbortController();
  const end = (): void => life.abort();
  const timer = setTimeout(end, PATIENCE_MS);
  signal.addEventListener("abort", end, { once: true });
  const asked = (host: string): Promise<Reply> => ask(turnUrl(host, portOf(page)), life.signal);
  const lookedUp = (host: string): Promise<Reply> | null => (isAddress(page.hostname) ? null : ask(turnUrl(host, portOf(page), "udp"), life.signal));
  const [name, lookup, nobody, ...addresses] = await Promise.all([
    asked(page.hostname),
    lookedUp(page.hostname),
    lookedUp(NOBODY),
    ...(known?.addresses ?? []).map(asked),
  ]);
  clearTimeout(timer);
  signal.removeEventListener("abort", end);
  const best = addresses.find((reply) => reply === "answers") ?? addresses[0] ?? null;
  return whyUnreached({ name, lookup, nobody, addresses: best }, known, Date.now());
}

/** Which of these addresses of the server answer at the page's port: where it is found when its name is not. */
export async function answering(addresses: readonly string[], page: Pick<Location, "port" | "protocol">, signal: AbortSignal): Promise<readonly string[]> {
  if (!tells()) return [];
  const replies = await Promise.all(addresses.map((address) => ask(turnUrl(address, portOf(page)), signal)));
  return addresses.filter((_, index) => replies[index] === "answers");
}
