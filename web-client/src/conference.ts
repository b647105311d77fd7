// The conference as this page knows it: a value, and what each message makes of it. Pure.

import type {
  Barred,
  ConferenceLife,
  Crowd,
  Floor,
  Participant,
  Place,
  Presence,
  ProvinceCount,
  Role,
  Rung,
  Self,
  SiteName,
  Stage,
  StateMessage,
  Trouble,
  Wanted,
  Welcome,
} from "./protocol.ts";

export interface ConferenceState {
  readonly me: { readonly participant: string; readonly role: Role; readonly site: SiteName | null } | null;
  /** Another device of this place had to go for this one. */
  readonly tookOver: boolean;
  readonly conference: { readonly id: string; readonly title: string; readonly state: ConferenceLife } | null;
  readonly self: Omit<Self, "type" | "version">;
  readonly floor: Omit<Floor, "type" | "version">;
  readonly stage: Omit<Stage, "type" | "version">;
  /** Places of the stage that this browser cannot decode. */
  readonly undecodable: readonly Place[];
  /** What the line leaves of the picture. */
  readonly rung: Rung;
  /** Of what this page sends, how many layers somebody looks at, as far as that is known. */
  readonly wanted: Wanted["layers"];
  readonly presence: Omit<Presence, "type" | "version"> | null;
  /** Operators and chairs only, as everything below. */
  /** Version of the valid list of expected sites; `null` before it was told. */
  readonly roster: number | null;
  readonly provinces: readonly ProvinceCount[];
  readonly participants: ReadonlyMap<string, Participant>;
  readonly barred: Omit<Barred, "type" | "version">;
  readonly trouble: Omit<Trouble, "type" | "version"> | null;
}

export const NOBODY: ConferenceState = {
  me: null,
  tookOver: false,
  conference: null,
  self: { muted: false, cut: false, floor: "none", position: null, onStage: false, device: 1, standsBy: false, arriving: { microphone: false, camera: false }, lastTurn: null },
  floor: { holder: null, waiting: 0, queue: [] },
  stage: { main: null, second: null, screen: null, speakers: [] },
  undecodable: [],
  rung: "high",
  wanted: {},
  presence: null,
  roster: null,
  provinces: [],
  participants: new Map(),
  barred: { count: 0, latest: [] },
  trouble: null,
};

/** The conference after `message`. Pure: no socket, no DOM, no clock. */
export function reduce(state: ConferenceState, message: Welcome | StateMessage): ConferenceState {
  switch (message.type) {
    case "welcome": {
      const { participant, role, site, conference } = message;
      // A resumed participant keeps what it knew until the server replaces it: the page does not flicker.
      const known = message.resumed && state.me?.participant === participant ? state : NOBODY;
      return { ...known, me: { participant, role, site }, tookOver: message.tookOver ?? false, conference };
    }
    case "conference": {
      const { id, title, state: life } = message;
      return { ...state, conference: { id, title, state: life } };
    }
    case "self": {
      const { muted, cut = false, floor, position, onStage, device, standsBy, arriving, lastTurn } = message;
      return { ...state, self: { muted, cut, floor, position, onStage, device, standsBy, arriving, lastTurn } };
    }
    case "floor": {
      const { holder, waiting, queue } = message;
      return { ...state, floor: { holder, waiting, queue } };
    }
    case "stage": {
      const { main, second, screen, speakers } = message;
      return { ...state, stage: { main, second, screen, speakers } };
    }
    case "undecodable":
      return { ...state, undecodable: message.places };
    case "line":
      return { ...state, rung: message.rung };
    case "wanted":
      return { ...state, wanted: message.layers };
    case "presence": {
      const { expected, present, lost } = message;
      return { ...state, presence: { expected, present, lost } };
    }
    case "roster":
      return { ...state, roster: message.version };
    case "provinces":
      return { ...state, provinces: message.provinces };
    case "participants": {
      const participants = new Map(message.full ? [] : state.participants);
      for (const change of [...message.changes, ...message.crowds.flatMap(members)]) {
        if (change.state === "left") participants.delete(change.participant);
        else participants.set(change.participant, change);
      }
      return { ...state, participants };
    }
    case "barred": {
      const { count, latest } = message;
      return { ...state, barred: { count, latest } };
    }
    case "trouble": {
      const { refused, overload } = message;
      return { ...state, trouble: { refused, overload } };
    }
    default:
      return message satisfies never;
  }
}

/** Everybody in a crowd. Each is called as its site is in the list of sites; here, by its code. */
function members({ sites, participants, ...alike }: Crowd): Participant[] {
  const codes = sites.split(" ");
  let id = "";
  return participants.split(" ").map((end, index) => {
    id = id.slice(0, Math.max(0, id.length - end.length)) + end;
    const site = codes[index] ?? "";
    return { ...alike, participant: id, site, name: site };
  });
}

/** Whether this site is on the stage for its picture alone, or asked to be: nobody hears it. */
export function isForPicture({ me, self }: Pick<ConferenceState, "me" | "self">): boolean {
  return me?.role === "site" && self.onStage && self.floor !== "holding" && self.muted && self.cut !== true;
}

/** Whether this participant may be seen and heard by everyone now. */
export function isOnAir(state: ConferenceState): boolean {
  return state.self.floor === "holding" || state.self.onStage;
}
