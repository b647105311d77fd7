// Giving and taking the floor: what is asked before, what is sent, and what takes it back. Pure.

import type { ConferenceState } from "./conference.ts";
import type { Participant, Request } from "./protocol.ts";

/** Somebody as an operator reads it on the screen. */
export interface Named {
  readonly participant: string;
  readonly site: string | null;
  readonly name: string;
  /** Name of its province; `null` for the centre and for those without a site. */
  readonly provinceName: string | null;
}

/** What an operator means, with everybody whom it concerns. */
export type FloorAct =
  | { readonly kind: "grant"; readonly to: Named; readonly from: Named | null }
  | { readonly kind: "revoke"; readonly from: Named };

/** Why an act is asked about before it is done. */
export interface Question {
  readonly act: FloorAct;
  /** Nothing can be seen or heard of the one who is to speak. */
  readonly isWithoutMedia: boolean;
}

/** How long an act can be taken back, in milliseconds. The first second of it the button rests. */
export const UNDO_MS = 6_000;

/** Giving the floor to somebody, as things stand on the screen. */
export function granting(floor: ConferenceState["floor"], to: Named): FloorAct {
  const { holder } = floor;
  const from = holder === null || holder.participant === to.participant ? null : named(holder);
  return { kind: "grant", to, from };
}

export function named(one: Omit<Named, "provinceName"> & { readonly provinceName?: string | null }): Named {
  const { participant, site, name, provinceName } = one;
  return { participant, site, name, provinceName: provinceName ?? null };
}

/** What must be asked before a press does this; `null`: it may be done at once, and taken back. */
export function questionFor(act: FloorAct, to: Participant | undefined): Question | null {
  if (act.kind === "revoke") return null;
  const isWithoutMedia = to !== undefined && to.state === "present" && to.media !== "connected";
  return act.from !== null || isWithoutMedia ? { act, isWithoutMedia } : null;
}

/** What the act sends. It names whose floor is taken: if somebody else has it by now, nothing happens. */
export function requestFor(act: FloorAct): Extract<Request, { type: "grantFloor" | "revokeFloor" }> {
  if (act.kind === "revoke") return { type: "revokeFloor", participant: act.from.participant };
  return { type: "grantFloor", participant: act.to.participant, instead: act.from?.participant ?? null };
}

/** What makes it as it was before. */
export function undoOf(act: FloorAct): FloorAct {
  if (act.kind === "revoke") return { kind: "grant", to: act.from, from: null };
  if (act.from === null) return { kind: "revoke", from: act.to };
  return { kind: "grant", to: act.from, from: act.to };
}
