// What concerns this page alone: where its place stands, and what its line leaves. Pure.

import type { LineMessage, Place, Rung, Self, Undecodable, Wanted } from "../protocol.ts";

export interface OwnState {
  readonly self: Omit<Self, "type" | "version">;
  /** Places of the stage that this browser cannot decode. */
  readonly undecodable: readonly Place[];
  /** What the line leaves of the picture. */
  readonly rung: Rung;
  /** Of what this page sends, how many layers somebody looks at, as far as that is known. */
  readonly wanted: Wanted["layers"];
}

export const NOTHING_OWN: OwnState = {
  self: { muted: false, cut: false, floor: "none", position: null, onStage: false, device: 1, standsBy: false, arriving: { microphone: false, camera: false }, lastTurn: null },
  undecodable: [],
  rung: "high",
  wanted: {},
};

export function reduceOwn(message: Self | Undecodable | LineMessage | Wanted): Partial<OwnState> {
  switch (message.type) {
    case "self": {
      const { muted, cut = false, floor, position, onStage, device, standsBy, arriving, lastTurn } = message;
      return { self: { muted, cut, floor, position, onStage, device, standsBy, arriving, lastTurn } };
    }
    case "undecodable":
      return { undecodable: message.places };
    case "line":
      return { rung: message.rung };
    case "wanted":
      return { wanted: message.layers };
    default:
      return message satisfies never;
  }
}
