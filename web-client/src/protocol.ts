// The WebSocket protocol, version 1, as types. signaling/PROTOCOL.md is the contract.

export const PROTOCOL_VERSION = 1;

/** What a token allows its holder to be. */
export type Role = "operator" | "chair" | "hall" | "site" | "observer";

/** What a sending m-line carries. */
export type Source = "microphone" | "camera" | "screen";

/** A position on stage that an operator can fill. */
export type Place = "main" | "second" | "screen";

/**
 * How it stands with a microphone or a camera that is to be heard or seen: `on` (something comes of it), `off` (the
 * person's switch), `muted` (the system's, or the device's own), `silent` (on, and nothing came of it for seconds),
 * `missing` (none, unplugged or not allowed).
 */
export type Capture = "on" | "off" | "muted" | "silent" | "missing";

/** What a participant says of its own devices and line. */
export interface Condition {
  /** `null` while nobody is to hear it. */
  readonly microphone: Capture | null;
  /** `null` while nobody is to see it. */
  readonly camera: Capture | null;
  /** Media does not come through. */
  readonly mediaBlocked: boolean;
}

export interface SiteName {
  readonly code: string;
  readonly name: string;
}

export type ConferenceLife = "scheduled" | "running" | "ended";

/** Requests that an operator or a chair, or the participant itself, may make. Answered by `ok` or `error`. */
export type Request =
  | { readonly type: "offer"; readonly sdp: string; readonly sources: Readonly<Record<string, Source>> }
  | { readonly type: "restartIce"; readonly sdp: string }
  | { readonly type: "watch"; readonly mid: string; readonly participant: string | null }
  | { readonly type: "limit"; readonly layers: Readonly<Record<string, number>> }
  | { readonly type: "publish"; readonly source: Source; readonly active: boolean }
  | ({ readonly type: "condition" } & Condition)
  | { readonly type: "requestFloor" }
  | { readonly type: "withdrawFloor" }
  | { readonly type: "yieldFloor" }
  | { readonly type: "speakHere" }
  /** `instead`: who has the floor as far as the page shows it; if somebody else has, it is refused. */
  | { readonly type: "grantFloor"; readonly participant: string; readonly instead: string | null }
  | { readonly type: "revokeFloor"; readonly participant: string }
  | { readonly type: "setStage"; readonly place: Place; readonly participant: string | null }
  /** `soundOnly`: the picture goes on. */
  | { readonly type: "mute"; readonly participant: string; readonly muted: boolean; readonly soundOnly: boolean }
  | { readonly type: "remove"; readonly participant: string }
  | { readonly type: "readmit"; readonly participant: string };

/** How this page hears and sees, of the last seconds. Shares are of a thousand. */
export interface Hearing {
  /** Of the sound, what the browser had to make up. */
  readonly concealedPermille: number;
  /** Of the time, that in which the picture stood still. */
  readonly frozenPermille: number;
  /** From the server to eye and ear. */
  readonly delayMilliseconds: number;
}

/** Everything that a client may send. */
export type ClientMessage =
  | { readonly type: "join"; readonly protocol: number; readonly token: string }
  | { readonly type: "resume"; readonly protocol: number; readonly session: string; readonly secret: string }
  | (Request & { readonly id: number })
  | ({ readonly type: "quality" } & Hearing)
  | { readonly type: "ping" }
  | { readonly type: "leave" };

export interface Welcome {
  readonly type: "welcome";
  readonly protocol: number;
  readonly session: string;
  readonly secret: string;
  readonly participant: string;
  readonly role: Role;
  readonly site: SiteName | null;
  readonly conference: { readonly id: string; readonly title: string; readonly state: ConferenceLife };
  readonly resumed: boolean;
  /** Another device of the same place had to go for this one. */
  readonly tookOver?: boolean;
  /** Whether the server still has this participant's peer connection. */
  readonly media?: boolean;
  /** The address from which the server sees this page. */
  readonly address?: string;
  /** How long after a loss `resume` still works, in seconds. */
  readonly resumeSeconds: number;
  readonly pingSeconds: number;
  readonly iceServers: readonly RTCIceServer[];
}

export interface AnsweredSlot {
  readonly mid: string;
  readonly kind: "audio" | "video";
  /** `audio`, `stage.main`, `stage.second`, `stage.screen`; `null` for one that `watch` fills. */
  readonly feed: string | null;
}

export interface Answer {
  readonly type: "answer";
  readonly id: number;
  readonly sdp: string;
  readonly publications: readonly { readonly mid: string; readonly source: Source }[];
  readonly slots: readonly AnsweredSlot[];
}

/** Someone who waits for the floor or holds it. `since` is RFC 3339. */
export interface FloorEntry {
  readonly participant: string;
  readonly site: string | null;
  readonly name: string;
  /** Name of its province; left out for a province itself and for the centre. */
  readonly provinceName?: string | null;
  readonly since: string;
}

/** Who has the floor. */
export interface Holder extends FloorEntry {
  /** When the first of its picture or sound arrived; left out while it is only invited. */
  readonly began?: string | null;
}

export interface Floor {
  readonly type: "floor";
  readonly version: number;
  readonly holder: Holder | null;
  /** How many wait; `queue` holds the first 50 of them. */
  readonly waiting: number;
  readonly queue: readonly FloorEntry[];
}

/** Who stands in one place of the stage. */
export interface Shown {
  readonly participant: string;
  readonly site: string | null;
  readonly name: string;
  readonly provinceName?: string | null;
  readonly source: Source;
}

export interface Stage {
  readonly type: "stage";
  readonly version: number;
  readonly main: Shown | null;
  readonly second: Shown | null;
  readonly screen: Shown | null;
  /** Participants whose sound everyone may hear. */
  readonly speakers: readonly string[];
}

/** How the receiver's last turn, or its wait for one, ended, if somebody else ended it. */
export type LastTurn = "revoked" | "passedOn" | "moved" | "withdrawn";

export type FloorStanding = "none" | "waiting" | "holding";

export interface Self {
  readonly type: "self";
  readonly version: number;
  /** Muted by an operator: the server refuses this participant's media. */
  readonly muted: boolean;
  /** Its picture is refused too. */
  readonly cut?: boolean;
  readonly floor: FloorStanding;
  /** Counts from 1; `null` unless waiting. */
  readonly position: number | null;
  readonly onStage: boolean;
  /** Which of its place's devices it is, from 1. */
  readonly device: number;
  /** Another device of the same site speaks for it: this one only watches. */
  readonly standsBy: boolean;
  /** What of a hall, or of whoever has the floor or is on stage, comes in at the server. */
  readonly arriving: { readonly microphone: boolean; readonly camera: boolean };
  /** How its last turn, or its wait for one, ended; `null` while there was none or it ended that itself. */
  readonly lastTurn: LastTurn | null;
}

export interface Presence {
  readonly type: "presence";
  readonly version: number;
  readonly expected: number;
  readonly present: number;
  readonly lost: number;
}

export interface ConferenceMessage {
  readonly type: "conference";
  readonly version: number;
  readonly id: string;
  readonly title: string;
  readonly state: ConferenceLife;
}

/** Which list of expected sites is the valid one. For operators and chairs. */
export interface RosterMessage {
  readonly type: "roster";
  readonly version: number;
  readonly sites: number;
}

export interface ProvinceCount {
  readonly code: string;
  readonly name: string;
  readonly expected: number;
  readonly present: number;
  readonly lost: number;
}

export interface Provinces {
  readonly type: "provinces";
  readonly version: number;
  readonly provinces: readonly ProvinceCount[];
}

/** What a line leaves of the most important picture, from all to none. */
export type Rung = "high" | "middle" | "low" | "lowThin" | "stills" | "sound" | "soundRedundant";

/** One participant as operators see it. */
export interface Participant {
  readonly participant: string;
  readonly role: Role;
  readonly site: string | null;
  readonly province: string | null;
  readonly name: string;
  readonly state: "present" | "lost" | "left";
  /** Which of its place's devices it is, from 1. */
  readonly device: number;
  /** Its sound is refused. */
  readonly muted: boolean;
  /** Its picture is refused too. */
  readonly cut?: boolean;
  readonly media: "none" | "connected" | "silent";
  readonly sources: readonly Source[];
  readonly floor: FloorStanding;
  /** Places of the stage that it cannot decode; servers of old do not say. */
  readonly undecodable?: readonly Place[];
  /** Its encoder makes no keyframe when asked. */
  readonly ignoresKeyframeRequests?: boolean;
  /** Places of the stage on which a moderator has put it, also while they do not show it yet. */
  readonly staged?: readonly Place[];
  /** What the line to it leaves of the picture; absent while it receives nothing. */
  readonly rung?: Rung;
  /** How well it hears and sees, 0 to 100 in steps of ten; absent while it receives nothing. */
  readonly score?: number;
  /** What it says it sends and of which nothing arrives. */
  readonly ceased?: readonly Source[];
  /** What it says of its own devices and line. */
  readonly condition?: Condition;
}

/** Participants who are alike in all but site and id. */
export interface Crowd extends Omit<Participant, "participant" | "site" | "name"> {
  /** Codes of their sites, with a space between two. */
  readonly sites: string;
  /** Their ids in the same order; a short one is the end of an id that begins as the one before it. */
  readonly participants: string;
}

export interface Participants {
  readonly type: "participants";
  readonly version: number;
  /** The list replaces everything known. */
  readonly full: boolean;
  readonly changes: readonly Participant[];
  readonly crowds: readonly Crowd[];
}

/** Who was sent away and may not come in. For operators and chairs. */
export interface Barred {
  readonly type: "barred";
  readonly version: number;
  /** How many; `latest` holds the last 50 of them. */
  readonly count: number;
  readonly latest: readonly {
    readonly participant: string;
    readonly role: Role;
    readonly site: string | null;
    readonly name: string;
    readonly since: string;
  }[];
}

/** What may be left out for some sites, the least important first. */
export type Importance = "thumbnail" | "second" | "main" | "audio";

/** The last time that the media plane could not keep up. `since` and `until` are RFC 3339. */
export interface Overload {
  /** This and everything less important is, or was last, left out. */
  readonly leftOut: Importance;
  readonly since: string;
  /** `null` while it lasts. */
  readonly until: string | null;
  readonly frames: Readonly<Record<Importance, number>>;
}

/** What the server could not do for this conference. For operators and chairs. */
export interface Trouble {
  readonly type: "trouble";
  readonly version: number;
  /** Joins refused since the server started. */
  readonly refused: { readonly conferenceFull: number; readonly serverFull: number; readonly overloaded: number };
  readonly overload: Overload | null;
}

/** Places of the stage that this browser cannot decode. */
export interface Undecodable {
  readonly type: "undecodable";
  readonly version: number;
  readonly places: readonly Place[];
}

/** What the line to this page leaves of the picture. */
export interface LineMessage {
  readonly type: "line";
  readonly version: number;
  readonly rung: Rung;
}

/** Of what this page sends, how much somebody looks at. */
export interface Wanted {
  readonly type: "wanted";
  readonly version: number;
  /** How many layers, the lowest first. Of a source that is not named nothing is known. */
  readonly layers: Readonly<Partial<Record<Source, number>>>;
}

export type StateMessage =
  | Floor
  | Stage
  | Self
  | Presence
  | ConferenceMessage
  | RosterMessage
  | Provinces
  | Participants
  | Barred
  | Trouble
  | Undecodable
  | LineMessage
  | Wanted;

export interface Ok {
  readonly type: "ok";
  readonly id: number;
}

export interface ErrorMessage {
  readonly type: "error";
  /** The request that is to blame, if one is. */
  readonly id: number | null;
  readonly code: string;
  readonly message: string;
  readonly retryAfterSeconds: number | null;
}

export interface Closing {
  readonly type: "closing";
  readonly reason: string;
  readonly retryAfterSeconds: number | null;
}

/** Everything that the server may send and this page understands. */
export type ServerMessage = Welcome | Answer | StateMessage | Ok | ErrorMessage | Closing | { readonly type: "pong" };

const RUNGS: ReadonlySet<unknown> = new Set([
  "high",
  "middle",
  "low",
  "lowThin",
  "stills",
  "sound",
  "soundRedundant",
] satisfies Rung[]);

type Fields = Readonly<Record<string, unknown>>;

const text = (value: unknown): boolean => typeof value === "string";
const whole = (value: unknown): boolean => Number.isSafeInteger(value);
const flag = (value: unknown): boolean => typeof value === "boolean";
const rung = (value: unknown): boolean => RUNGS.has(value);
const list = (value: unknown): boolean => Array.isArray(value);
const record = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const orNull =
  (check: (value: unknown) => boolean) =>
  (value: unknown): boolean =>
    value === null || check(value);

/** The fields that a message must have to be used; others may be there and are ignored. */
const REQUIRED: Readonly<Record<ServerMessage["type"], Readonly<Record<string, (value: unknown) => boolean>>>> = {
  welcome: { session: text, secret: text, participant: text, role: text, conference: record, resumed: flag },
  answer: { id: whole, sdp: text, slots: list },
  floor: { version: whole, holder: orNull(record), waiting: whole, queue: list },
  stage: {
    version: whole,
    main: orNull(record),
    second: orNull(record),
    screen: orNull(record),
    speakers: list,
  },
  self: { version: whole, muted: flag, floor: text, onStage: flag, device: whole, standsBy: flag, arriving: record, lastTurn: orNull(text) },
  presence: { version: whole, expected: whole, present: whole, lost: whole },
  conference: { version: whole, id: text, title: text, state: text },
  roster: { version: whole, sites: whole },
  provinces: { version: whole, provinces: list },
  participants: { version: whole, full: flag, changes: list, crowds: list },
  barred: { version: whole, count: whole, latest: list },
  trouble: { version: whole, refused: record, overload: orNull(record) },
  undecodable: { version: whole, places: list },
  line: { version: whole, rung },
  wanted: { version: whole, layers: record },
  ok: { id: whole },
  error: { id: orNull(whole), code: text, message: text },
  closing: { reason: text },
  pong: {},
};

function isKnown(type: unknown): type is ServerMessage["type"] {
  return typeof type === "string" && Object.hasOwn(REQUIRED, type);
}

/**
 * Reads one frame. `null` for what this page does not understand: a type of a newer server,
 * or a frame that is not a message at all. Unknown fields are left in and never looked at.
 */
export function decode(frame: unknown): ServerMessage | null {
  if (typeof frame !== "string") return null;
  let value: unknown;
  try {
    value = JSON.parse(frame);
  } catch {
    return null;
  }
  if (!record(value) || !isKnown(value["type"])) return null;
  for (const [field, check] of Object.entries(REQUIRED[value["type"]])) {
    if (!check(value[field])) return null;
  }
  return value as unknown as ServerMessage;
}

export function encode(message: ClientMessage): string {
  return JSON.stringify(message);
}
