// How it stands with a site, as far as this page is told: one question, one answer. Pure.

import type { Participant } from "./protocol.ts";

/** Below this score a site suffers: some 5 % of the sound is missing, or the picture stands still a third of the time. */
const SUFFERING_SCORE = 70;

/** Why a site that is here does not see and hear the conference as it should. */
export type Ailment = "blocked" | "none" | "silent" | "poor";

/**
 * What a site suffers from. It suffers while it is present and its network lets no picture and sound through
 * (`blocked`), they are not connected yet (`none`), were and nothing comes any more (`silent`), or come so that it
 * cannot follow (`poor`, by the score of its line).
 */
export function ailmentOf({ state, role, media, condition, score }: Participant): Ailment | null {
  if (state !== "present" || role === "operator") return null;
  if (condition?.mediaBlocked === true) return "blocked";
  if (media !== "connected") return media;
  return score !== undefined && score < SUFFERING_SCORE ? "poor" : null;
}

/** How bad it is: the larger the worse; 0 for one that is well. */
export function severityOf(participant: Participant): number {
  switch (ailmentOf(participant)) {
    case null:
      return 0;
    case "poor":
      return 100 - (participant.score ?? 0);
    case "silent":
      return 101;
    case "none":
      return 102;
    case "blocked":
      return 103;
  }
}

/** What everybody misses of somebody who speaks, or will miss of somebody who is called next. */
export type AirFault =
  | "lost"
  | "blocked"
  | "noMedia"
  | "cut"
  | "muted"
  | "microphoneOff"
  | "microphoneLocked"
  | "microphoneMissing"
  | "noSound"
  | "noPicture";

/** What to see to before or while somebody speaks; the gravest first. */
export function airFaultsOf(participant: Participant | undefined, isSpeaking: boolean): readonly AirFault[] {
  if (participant === undefined) return [];
  if (participant.state !== "present") return ["lost"];
  if (participant.condition?.mediaBlocked === true) return ["blocked"];
  if (participant.media === "none") return ["noMedia"];
  if (participant.cut === true) return ["cut"];
  const sound = participant.muted ? "muted" : soundFaultOf(participant, isSpeaking);
  return [...(sound === null ? [] : [sound]), ...(hasNoPicture(participant, isSpeaking) ? (["noPicture"] as const) : [])];
}

/** What the page says of its microphone comes first: it knows why. The server knows what has not arrived. */
function soundFaultOf({ condition, ceased, sources }: Participant, isSpeaking: boolean): AirFault | null {
  switch (condition?.microphone) {
    case "off":
      return "microphoneOff";
    case "muted":
      return "microphoneLocked";
    case "silent":
      return "noSound";
    case "missing":
      return "microphoneMissing";
    case "on":
    case null:
    case undefined:
      if (ceased?.includes("microphone") === true) return "noSound";
      return isSpeaking && !sources.includes("microphone") ? "microphoneOff" : null;
  }
}

function hasNoPicture({ condition, ceased, sources }: Participant, isSpeaking: boolean): boolean {
  const camera = condition?.camera ?? null;
  if (camera !== null && camera !== "on") return true;
  return ceased?.includes("camera") === true || (isSpeaking && !sources.includes("camera"));
}
