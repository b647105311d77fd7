// The conference as this page knows it: a value, and what each message makes of it, by subject. Pure.

import { type FloorState, NO_FLOOR, reduceFloor } from "./conference/floor.ts";
import { NOTHING_OWN, type OwnState, reduceOwn } from "./conference/own.ts";
import { NO_PEOPLE, type PeopleState, reducePeople } from "./conference/people.ts";
import { EMPTY_STAGE, reduceStage, type StageState } from "./conference/stage.ts";
import { NOT_IN, reduceWhole, type WholeState } from "./conference/whole.ts";
import type { StateMessage, Welcome } from "./protocol.ts";

export interface ConferenceState extends WholeState, OwnState, FloorState, StageState, PeopleState {}

export const NOBODY: ConferenceState = { ...NOT_IN, ...NOTHING_OWN, ...NO_FLOOR, ...EMPTY_STAGE, ...NO_PEOPLE };

/** The conference after `message`: its subject knows what that means. Pure: no socket, no DOM, no clock. */
export function reduce(state: ConferenceState, message: Welcome | StateMessage): ConferenceState {
  switch (message.type) {
    case "welcome": {
      // A resumed participant keeps what it knew until the server replaces it: the page does not flicker.
      const known = message.resumed && state.me?.participant === message.participant ? state : NOBODY;
      return { ...known, ...reduceWhole(message) };
    }
    case "conference":
    case "trouble":
      return { ...state, ...reduceWhole(message) };
    case "self":
    case "undecodable":
    case "line":
    case "wanted":
      return { ...state, ...reduceOwn(message) };
    case "floor":
      return { ...state, ...reduceFloor(message) };
    case "stage":
      return { ...state, ...reduceStage(message) };
    case "presence":
    case "roster":
    case "provinces":
    case "participants":
    case "barred":
      return { ...state, ...reducePeople(state, message) };
    default:
      return message satisfies never;
  }
}

/** Whether this site is on the stage for its picture alone, or asked to be: nobody hears it. */
export function isForPicture({ me, self }: Pick<ConferenceState, "me" | "self">): boolean {
  return me?.role === "site" && self.onStage && self.floor !== "holding" && self.muted && self.cut !== true;
}

/** Whether this participant may be seen and heard by everyone now. */
export function isOnAir(state: ConferenceState): boolean {
  return state.self.floor === "holding" || state.self.onStage;
}
