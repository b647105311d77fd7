// Who has the floor and who asks for it. Pure.

import type { Floor } from "../protocol.ts";

export interface FloorState {
  readonly floor: Omit<Floor, "type" | "version">;
}

export const NO_FLOOR: FloorState = { floor: { holder: null, waiting: 0, queue: [] } };

export function reduceFloor({ holder, waiting, queue }: Floor): FloorState {
  return { floor: { holder, waiting, queue } };
}
