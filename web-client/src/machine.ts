// Whether this machine keeps up with what it shows, and what it can do with if it does not. Pure, but for the two probes.

import type { ConferenceState } from "./conference.ts";
import type { Place } from "./protocol.ts";

/** What is known of the machine at one moment; counters since the page began. */
export interface Effort {
  readonly framesDecoded: number;
  /** Frames that came and were not shown because there was no time to. */
  readonly framesDropped: number;
  /** The encoder of the own camera makes less of it because the processor does not keep up. */
  readonly isEncoderShort: boolean;
  /** Milliseconds that the page spent in tasks so long that a person notices. */
  readonly longTasksMs: number;
}

/** Above these a machine is short of time. Shares of frames and of time. */
const SHORT = { dropped: 0.2, longTasks: 0.4 };
/** So many of the last looks must say so: a machine that only begins, or opens another program, is no old one. */
const SIGNS = { needed: 5, of: 7 };

/** Looks at a machine again and again. Once found short it stays so: with less to do it would seem fast. */
export class MachineWatch {
  readonly #signs: boolean[] = [];
  #before: { readonly at: number; readonly effort: Effort } | null = null;
  #isShort = false;

  get isShort(): boolean {
    return this.#isShort;
  }

  /** It is known beforehand. */
  foundShort(): void {
    this.#isShort = true;
  }

  /** Takes in a look at `at`, in milliseconds. */
  look(at: number, effort: Effort): void {
    const before = this.#before;
    this.#before = { at, effort };
    if (before === null || at <= before.at) return;
    const dropped = Math.max(0, effort.framesDropped - before.effort.framesDropped);
    const shown = Math.max(0, effort.framesDecoded - before.effort.framesDecoded);
    const share = dropped + shown === 0 ? 0 : dropped / (dropped + shown);
    const busy = (effort.longTasksMs - before.effort.longTasksMs) / (at - before.at);
    this.#signs.push(share > SHORT.dropped || busy > SHORT.longTasks || effort.isEncoderShort);
    if (this.#signs.length > SIGNS.of) this.#signs.shift();
    if (this.#signs.filter(Boolean).length >= SIGNS.needed) this.#isShort = true;
  }
}

/**
 * The one place of the stage that is shown where there is room for one: a shared screen, which must be readable, else
 * whoever speaks, else the main picture. One's own is never shown there.
 */
export function onlyPlace({ stage, floor, me }: Pick<ConferenceState, "stage" | "floor" | "me">): Place {
  if (stage.screen !== null) return "screen";
  const others = (place: Place) => stage[place] !== null && stage[place].participant !== me?.participant;
  const speaks = others("second") && stage.second?.participant === floor.holder?.participant;
  return speaks || (!others("main") && others("second")) ? "second" : "main";
}

/** Of 1280×720 this many layers are 640×360. */
const LAYERS_OF_ONE = 2;

/** What to ask for by `limit`: one picture, and that not larger than 360 lines; or everything. */
export function limitsOf(
  only: Place | null,
  slots: readonly { readonly mid: string; readonly feed: string | null }[],
): Readonly<Record<string, number>> {
  if (only === null) return {};
  const limits: Record<string, number> = {};
  for (const { mid, feed } of slots) {
    if (feed?.startsWith("stage.") === true) limits[mid] = feed === `stage.${only}` ? LAYERS_OF_ONE : 0;
  }
  return limits;
}

/** Reads out of a report of getStats() what it says of the machine. */
export function effortIn(report: Iterable<readonly [string, unknown]>, longTasksMs: number): Effort {
  let [framesDecoded, framesDropped, isEncoderShort] = [0, 0, false];
  const amount = (value: unknown): number => (typeof value === "number" ? value : 0);
  for (const [, value] of report) {
    const entry = value as Readonly<Record<string, unknown>>;
    if (entry["type"] === "inbound-rtp") {
      framesDecoded += amount(entry["framesDecoded"]);
      framesDropped += amount(entry["framesDropped"]);
    } else if (entry["type"] === "outbound-rtp" && entry["qualityLimitationReason"] === "cpu") {
      isEncoderShort = true;
    }
  }
  return { framesDecoded, framesDropped, isEncoderShort, longTasksMs };
}

/** Adds up the long tasks of this page until `signal` aborts; not every browser tells of them. */
export function countLongTasks(signal: AbortSignal): () => number {
  let sum = 0;
  if (!("PerformanceObserver" in globalThis) || !PerformanceObserver.supportedEntryTypes.includes("longtask")) {
    return () => sum;
  }
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) sum += duration;
  });
  observer.observe({ entryTypes: ["longtask"] });
  signal.addEventListener("abort", () => observer.disconnect(), { once: true });
  return () => sum;
}

/** Whether this browser thinks that it can play a hall's picture without a stutter. One that does not know can. */
export async function playsSmoothly(capabilities: MediaCapabilities | undefined): Promise<boolean> {
  const picture = { contentType: "video/VP8", width: 1280, height: 720, bitrate: 1_700_000, framerate: 30 };
  try {
    return (await capabilities?.decodingInfo({ type: "webrtc", video: picture }))?.smooth ?? true;
  } catch {
    return true;
  }
}
