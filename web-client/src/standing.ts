// What everybody sees and hears of this place, and what keeps it from them: judged by what is open here, what leaves
// and what the server says has arrived. Pure.

import type { Opened } from "./devices.ts";
import type { PeerState } from "./peer.ts";
import type { Capture, Condition, FloorStanding, Role, Source } from "./protocol.ts";

/** For how long what was put on air may be on its way, in milliseconds. */
export const SETTLING_MS = 4_000;

/** Why nobody hears a microphone or sees a camera: it gives nothing, or nothing of it arrives at the server. */
export type Barrier = Exclude<Capture, "on"> | "unsent" | "settling";

/** Of microphone and camera what keeps each from everybody; `null`: it reaches them. */
export interface Reach {
  readonly microphone: Barrier | null;
  readonly camera: Barrier | null;
}

/** Why one may not ask for the floor now. */
export type Obstacle = "standsBy" | "notRunning" | "noLine" | "mediaBlocked" | "mediaConnecting";

/** Where this place stands, each with a sentence of its own. */
export type Standing =
  | { readonly is: "idle"; readonly obstacle: Obstacle | null }
  | { readonly is: "waiting"; readonly position: number | null }
  | { readonly is: "invited"; readonly hasFloor: boolean; readonly isReturning: boolean; readonly isForPicture: boolean }
  /** Not heard, because an operator says so. Where that leaves the picture, what keeps it from everybody. */
  | { readonly is: "muted"; readonly hasFloor: boolean; readonly camera: Barrier | "cut" | null }
  /** On the stage for its picture alone. */
  | { readonly is: "shown"; readonly camera: Barrier | null }
  | { readonly is: "onAir"; readonly hasFloor: boolean; readonly reach: Reach };

export interface Facts {
  readonly role: Role;
  readonly isLineOpen: boolean;
  readonly isRunning: boolean;
  readonly media: PeerState;
  /** Media has not come through for seconds. */
  readonly isBlocked: boolean;
  readonly muted: boolean;
  /** The picture is kept back with the sound. */
  readonly cut: boolean;
  readonly floor: FloorStanding;
  readonly position: number | null;
  readonly onStage: boolean;
  readonly standsBy: boolean;
  readonly isInvited: boolean;
  /** On the stage for its picture alone, or asked to be. */
  readonly isForPicture: boolean;
  /** The floor was held here before the page was opened anew. */
  readonly isReturning: boolean;
  readonly microphone: Capture;
  readonly camera: Capture;
  /** When each source was put on air, in milliseconds. */
  readonly onAirSince: ReadonlyMap<Source, number>;
  readonly arriving: { readonly microphone: boolean; readonly camera: boolean };
}

/** How it stands with a device: the person's switch comes first, then what the machine says, then what comes of it. */
export function captureOf(device: Opened, isSwitchedOn: boolean, isSilent: boolean): Capture {
  if (!isSwitchedOn) return "off";
  if (device.track === null) return "missing";
  if (device.isMuted) return "muted";
  return isSilent ? "silent" : "on";
}

function barrier(facts: Facts, source: "microphone" | "camera", now: number): Barrier | null {
  const capture = facts[source];
  if (capture !== "on") return capture;
  const since = facts.onAirSince.get(source);
  const isYoung = since === undefined || now - since < SETTLING_MS;
  if (facts.media !== "connected") return isYoung ? "settling" : "unsent";
  // Of a chair that is not on the stage the server does not say what arrives.
  const isTold = facts.role !== "chair" || facts.floor === "holding" || facts.onStage;
  if (since !== undefined && (!isTold || facts.arriving[source])) return null;
  return isYoung ? "settling" : "unsent";
}

/** What keeps this place's sound and picture from everybody. */
export function reachOf(facts: Facts, now: number): Reach {
  return { microphone: barrier(facts, "microphone", now), camera: barrier(facts, "camera", now) };
}

function obstacle(facts: Facts): Obstacle | null {
  if (facts.standsBy) return "standsBy";
  if (!facts.isRunning) return "notRunning";
  if (!facts.isLineOpen) return "noLine";
  if (facts.isBlocked) return "mediaBlocked";
  return facts.media === "connected" ? null : "mediaConnecting";
}

/** Where this place stands at `now`, in milliseconds. */
export function standingOf(facts: Facts, now: number): Standing {
  const hasFloor = facts.floor === "holding";
  const speaksByRight = facts.role === "hall" || facts.role === "chair";
  const mayBeOnAir = speaksByRight || hasFloor || facts.onStage;
  const { isForPicture, isReturning } = facts;
  if (facts.muted && mayBeOnAir && !isForPicture) {
    return { is: "muted", hasFloor, camera: facts.cut ? "cut" : barrier(facts, "camera", now) };
  }
  if (facts.isInvited) return { is: "invited", hasFloor, isReturning, isForPicture };
  if (isForPicture) return { is: "shown", camera: barrier(facts, "camera", now) };
  if (mayBeOnAir) return { is: "onAir", hasFloor, reach: reachOf(facts, now) };
  if (facts.floor === "waiting") return { is: "waiting", position: facts.position };
  return { is: "idle", obstacle: obstacle(facts) };
}

/** What the server is told of all this: of the devices only while somebody is to hear and see them, or will be soon. */
export function conditionOf(facts: Facts, isWanted: boolean): Condition {
  return {
    microphone: isWanted ? facts.microphone : null,
    camera: isWanted ? facts.camera : null,
    mediaBlocked: facts.isBlocked,
  };
}

/** In one word what reaches everybody. */
export type Reaching = "both" | "heard" | "seen" | "neither" | "settling";

/** What reaches everybody, and is not on its way. */
export function reaching({ microphone, camera }: Reach): Reaching {
  if (microphone === "settling" || (camera === "settling" && microphone === null)) return "settling";
  if (microphone === null) return camera === null ? "both" : "heard";
  return camera === null || camera === "settling" ? "seen" : "neither";
}
