// What the last check that reached the server has learned of it, for one that does not.

import { Shelf } from "../memory.ts";
import { fieldsOf } from "./contract.ts";

const KNOWN = "dinh.server";

/** Most addresses that are remembered: as many as are asked at once when the server does not answer. */
export const MOST_ADDRESSES = 4;

export interface Known {
  /** Where it answered beside its name. Empty: nowhere, as a proxy stands before it. */
  readonly addresses: readonly string[];
  /** When its certificate ends, in milliseconds; `null` if it has none of its own. */
  readonly certificateEndsAt: number | null;
  /** Its clock then, in milliseconds. */
  readonly at: number;
}

/** Reads what was kept; `null` if it is of something else. */
export function readKnown(text: string | null): Known | null {
  if (text === null) return null;
  try {
    const { addresses, certificateEndsAt, at } = fieldsOf(JSON.parse(text));
    if (!Array.isArray(addresses) || typeof at !== "number") return null;
    return {
      addresses: addresses.filter((address) => typeof address === "string").slice(0, MOST_ADDRESSES),
      certificateEndsAt: typeof certificateEndsAt === "number" ? certificateEndsAt : null,
      at,
    };
  } catch {
    return null;
  }
}

const shelf = (): Shelf => new Shelf(() => localStorage);

export function remembered(): Known | null {
  return readKnown(shelf().read(KNOWN));
}

export function remember(known: Known): void {
  shelf().write(KNOWN, JSON.stringify(known));
}

const CANDIDATE = /^a=candidate:\S+ \d+ \S+ \d+ (\S+) \d+ typ host/gmu;

const isLoopback = (address: string): boolean => address.startsWith("127.") || address === "::1";

/** The addresses of an answer, each once; of this machine itself only where the page is there, too. */
export function addressesIn(sdp: string, host: string): readonly string[] {
  const isHere = isLoopback(host.replace(/^\[|\]$/gu, "")) || host === "localhost";
  const all = [...sdp.matchAll(CANDIDATE)].flatMap(([, address]) => address ?? []);
  return [...new Set(all)].filter((address) => isHere || !isLoopback(address)).slice(0, MOST_ADDRESSES);
}
