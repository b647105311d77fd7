// What everybody sees and hears. Pure.

import type { Stage } from "../protocol.ts";

export interface StageState {
  readonly stage: Omit<Stage, "type" | "version">;
}

export const EMPTY_STAGE: StageState = { stage: { main: null, second: null, screen: null, speakers: [] } };

export function reduceStage({ main, second, screen, speakers }: Stage): StageState {
  return { stage: { main, second, screen, speakers } };
}
