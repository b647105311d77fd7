// What a check has to show of each of its steps at one moment. Pure.

import type { Colour, Measured } from "./contract.ts";
import type { Phase, Progress } from "./check.ts";

/** The steps in the order in which they are shown, by the names that the server gives them. */
export const STEPS = ["browser", "tls", "server", "clock", "webSocket", "udp", "iceTcp", "turns", "rate", "roundTrip", "loss", "decode", "devices"] as const;
export type StepName = (typeof STEPS)[number];

/** `measured`: it is through, and the server has not judged yet. `skipped`: it was not looked at. */
export type StepState = "waiting" | "running" | "measured" | Colour | "skipped";

/** What belongs to a step of what was measured. */
const FIELDS: Readonly<Record<StepName, readonly (keyof Measured)[]>> = {
  browser: ["browser"],
  tls: ["isSecure"],
  server: ["clockOffsetMs"],
  clock: ["clockOffsetMs"],
  webSocket: ["webSocket"],
  udp: ["udp"],
  iceTcp: ["tcp"],
  turns: ["turn"],
  rate: ["upKilobitsPerSecond"],
  roundTrip: ["roundTripMs"],
  loss: ["lossUpPercent"],
  decode: ["decodes"],
  devices: ["camera", "microphone", "loudspeaker"],
};

const ORDER: readonly Phase[] = ["reaching", "ways", "line", "reporting", "over"];

/** When each is looked at. Devices wait for a person. */
const PHASE: Readonly<Record<StepName, Phase>> = {
  browser: "reaching",
  tls: "reaching",
  server: "reaching",
  clock: "reaching",
  webSocket: "ways",
  udp: "ways",
  iceTcp: "ways",
  turns: "ways",
  rate: "line",
  roundTrip: "line",
  loss: "line",
  decode: "line",
  devices: "over",
};

const isMeasured = (measured: Measured, step: StepName): boolean => FIELDS[step].some((field) => measured[field] != null);

/** Of several that the server says of one step the gravest. */
function judged({ outcome }: Progress, step: StepName): Colour | null {
  const shades = outcome?.steps.filter((one) => one.step === step).map(({ colour }) => colour) ?? [];
  return (["red", "amber", "green"] as const).find((colour) => shades.includes(colour)) ?? null;
}

export function stateOf(progress: Progress, step: StepName): StepState {
  const { phase, measured, outcome } = progress;
  if (phase === "over" && outcome !== null) {
    // Where it answers, it says of itself what is amiss.
    if (step === "server") return judged(progress, step) ?? "green";
    return judged(progress, step) ?? (isMeasured(measured, step) ? "measured" : "skipped");
  }
  if (isMeasured(measured, step)) return "measured";
  const [now, own] = [ORDER.indexOf(phase), ORDER.indexOf(PHASE[step])];
  if (now > own) return "skipped";
  return now === own ? "running" : "waiting";
}
