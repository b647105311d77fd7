// A weak line: what the page tells the server of it, and the one sentence that it tells a person. Pure.

import type { Hearing, Rung } from "./protocol.ts";
import type { LineQuality, Reading } from "./stats.ts";

/** Keys of the sentences. */
export type LineSentence = "link.poor" | "link.rung_low" | "link.rung_stills" | "link.rung_sound";

/** What is said of the line, the worst first; `null` while there is nothing to say. */
export function sentenceOf(rung: Rung, grade: LineQuality["grade"] | undefined): LineSentence | null {
  switch (rung) {
    case "sound":
    case "soundRedundant":
      return "link.rung_sound";
    case "stills":
      return "link.rung_stills";
    case "low":
    case "lowThin":
      return "link.rung_low";
    case "middle":
    case "high":
      return grade === "poor" ? "link.poor" : null;
    default:
      return rung satisfies never;
  }
}

/** How the line is, in two words, for whoever has no sentence to read. */
export type LineWord = { readonly tone: "good" | "warn" | "bad"; readonly words: "link.open" | "link.fair" | "link.poor_short" };

/** It never says that all is well where a sentence says that it is not. */
export function wordOf(rung: Rung, grade: LineQuality["grade"] | undefined): LineWord {
  const sentence = sentenceOf(rung, grade);
  if (sentence === "link.rung_low" && grade !== "poor") return { tone: "warn", words: "link.poor_short" };
  if (sentence !== null || grade === "poor") return { tone: "bad", words: "link.poor_short" };
  return grade === "fair" ? { tone: "warn", words: "link.fair" } : { tone: "good", words: "link.open" };
}

const permille = (part: number, of: number): number =>
  of > 0 ? Math.max(0, Math.min(1_000, Math.round((part / of) * 1_000))) : 0;

const LONGEST_DELAY_MS = 60_000;

/** What was heard and seen between two readings; `null` if no time passed. */
export function hearing(before: Reading, after: Reading): Hearing | null {
  const seconds = (after.at - before.at) / 1000;
  if (seconds <= 0) return null;
  const samples = after.samples - before.samples;
  const played = after.samplesPlayed - before.samplesPlayed;
  const buffered = played > 0 ? ((after.bufferedSeconds - before.bufferedSeconds) / played) * 1_000 : 0;
  const delay = Math.max(0, buffered) + (after.roundTripMs ?? 0) / 2;
  return {
    concealedPermille: permille(after.samplesConcealed - before.samplesConcealed, samples),
    frozenPermille: permille(frozenSeconds(before, after, seconds), seconds),
    delayMilliseconds: Math.min(LONGEST_DELAY_MS, Math.round(delay)),
  };
}

/** How long the main picture stood still although something of it came. */
function frozenSeconds({ picture: before }: Reading, { picture: after }: Reading, seconds: number): number {
  if (before === null || after?.id !== before.id) return 0;
  // Browsers count a freeze when it ends.
  const isFrozen = after.packets > before.packets && after.frames === before.frames;
  return isFrozen ? seconds : after.frozenSeconds - before.frozenSeconds;
}
