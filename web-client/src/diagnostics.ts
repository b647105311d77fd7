// `globalThis.__dinh`: read-only facts about this page for a support line and for browser tests. Changes nothing.

import type { AttendanceState } from "./attendance.ts";
import type { LineQuality } from "./stats.ts";

/** What `__dinh` offers in the browser's console. */
export interface Diagnostics {
  /** How often this page has called `setRemoteDescription`: once, unless a connection broke. */
  readonly setRemoteDescriptionCalls: number;
  readonly participant: string | null;
  readonly session: string | null;
  readonly role: string | null;
  /** State of the WebSocket: `connecting`, `open`, `waiting`, `over`. */
  readonly link: string | null;
  /** State of the peer connection: `connecting`, `connected`, `disconnected`, `failed`. */
  readonly media: string | null;
  readonly onAir: readonly string[];
  readonly quality: LineQuality | null;
  /** Every entry of getStats() as plain objects. */
  stats(): Promise<readonly unknown[]>;
}

interface Facts {
  readonly state: AttendanceState | null;
  readonly session: string | null;
  readonly remoteDescriptions: number;
  stats(): Promise<RTCStatsReport | null>;
}

export function expose(facts: () => Facts): void {
  const diagnostics: Diagnostics = {
    get setRemoteDescriptionCalls() {
      return facts().remoteDescriptions;
    },
    get participant() {
      return facts().state?.conference.me?.participant ?? null;
    },
    get session() {
      return facts().session;
    },
    get role() {
      return facts().state?.conference.me?.role ?? null;
    },
    get link() {
      return facts().state?.link.state ?? null;
    },
    get media() {
      return facts().state?.media ?? null;
    },
    get onAir() {
      return [...(facts().state?.onAir ?? [])];
    },
    get quality() {
      return facts().state?.quality ?? null;
    },
    async stats() {
      const entries: unknown[] = [];
      (await facts().stats())?.forEach((entry: unknown) => entries.push(entry));
      return entries;
    },
  };
  Object.defineProperty(globalThis, "__dinh", { value: Object.freeze(diagnostics), configurable: true });
}
