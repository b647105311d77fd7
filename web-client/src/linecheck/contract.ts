// What the check and the server tell each other: measurements there, an outcome back. The server is the one judge. Pure.

/** By what media may come: UDP, ICE-TCP, TURN inside TLS. The best first. */
export const MEANS = ["udp", "tcp", "turn"] as const;
export type Means = (typeof MEANS)[number];

/** How it stands with a camera or a microphone. */
export type DeviceVerdict = "works" | "none" | "denied" | "busy";

/** What was measured; what is left out or `null` was not. */
export interface Measured {
  readonly clockOffsetMs?: number | null;
  readonly webSocket?: boolean | null;
  readonly udp?: boolean | null;
  /** By UDP at the address by which the page was reached, where no address did that the server tells. */
  readonly beside?: boolean | null;
  readonly tcp?: boolean | null;
  readonly turn?: boolean | null;
  /** The one over which the line was measured. */
  readonly means?: Means | null;
  readonly upKilobitsPerSecond?: number | null;
  readonly downKilobitsPerSecond?: number | null;
  readonly roundTripMs?: number | null;
  readonly jitterMs?: number | null;
  readonly lossUpPercent?: number | null;
  readonly lossDownPercent?: number | null;
  readonly camera?: DeviceVerdict | null;
  /** `silent`: it is open, and nothing at all comes from it. */
  readonly microphone?: DeviceVerdict | "silent" | null;
  readonly loudspeaker?: "works" | "unheard" | null;
  readonly decodes?: boolean | null;
  readonly framesPerSecond?: number | null;
  /** Those that came whole: what a decoder can be asked for, however bad the line. */
  readonly framesReceivedPerSecond?: number | null;
  readonly isSecure?: boolean | null;
  readonly hasWebRtc?: boolean | null;
  readonly browser?: string | null;
  readonly isBrowserTooOld?: boolean | null;
}

export const COLOURS = ["green", "amber", "red"] as const;
/** `amber`: it works, and something is missing. */
export type Colour = (typeof COLOURS)[number];

/** A check that the server has begun. */
export interface Begun {
  /** Whoever knows it may send the check's result. */
  readonly id: string;
  /** The server's clock when it answered, in milliseconds. */
  readonly time: number;
  readonly iceServers: readonly RTCIceServer[];
  readonly maxKilobitsPerSecond: number;
  /** When the server's certificate ends, in milliseconds; `null` if it has none of its own. */
  readonly certificateEndsAt: number | null;
}

/** How one step turned out. */
export interface StepOutcome {
  readonly step: string;
  readonly colour: Colour;
}

export interface Outcome {
  /** Names the sentence that says what to do. */
  readonly cause: string;
  readonly colour: Colour;
  /** What is read over the telephone: the cause's code, and this check's. */
  readonly reference: string;
  readonly steps: readonly StepOutcome[];
}

/** What the server cannot say: why it is not reached. Their codes are those of the server's table. */
export const UNREACHED_CODES = {
  noAnswer: "N3",
  nameUnknown: "N1",
  portBlocked: "N2",
  clockWrong: "C1",
  certificateExpired: "T1",
  certificateNotTrusted: "T3",
} as const;
export type Unreached = keyof typeof UNREACHED_CODES;

/** What a check says that has not reached the server. */
export function unreached(cause: Unreached): Outcome {
  const steps: StepOutcome[] = [{ step: "server", colour: "red" }];
  if (cause === "clockWrong") steps.push({ step: "clock", colour: "red" });
  return { cause, colour: "red", reference: UNREACHED_CODES[cause], steps };
}

/** It answers, and takes no check now. */
export const SERVER_FULL: Outcome = { cause: "serverFull", colour: "amber", reference: "S3", steps: [] };

type Fields = Readonly<Record<string, unknown>>;

export function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

export function textOf(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

export function colourOf(value: unknown): Colour | null {
  return COLOURS.find((colour) => colour === value) ?? null;
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** What a server that does not say allows. */
const USUAL_MAX = 2_000;

/** Reads the answer of `POST /checks`; `null` for one that is of something else. */
export function readBegun(body: unknown): Begun | null {
  const fields = fieldsOf(body);
  const id = textOf(fields["id"]);
  const time = Date.parse(textOf(fields["time"]) ?? "");
  if (id === null || Number.isNaN(time)) return null;
  const most = fields["maxKilobitsPerSecond"];
  const end = Date.parse(textOf(fields["certificateEndsAt"]) ?? "");
  return {
    id,
    time,
    iceServers: listOf(fields["iceServers"]) as readonly RTCIceServer[],
    maxKilobitsPerSecond: typeof most === "number" ? most : USUAL_MAX,
    certificateEndsAt: Number.isNaN(end) ? null : end,
  };
}

/** Reads the answer of `PUT …/result`; `null` for one that is of something else. */
export function readOutcome(body: unknown): Outcome | null {
  const fields = fieldsOf(body);
  const [cause, colour] = [textOf(fields["cause"]), colourOf(fields["colour"])];
  // Where the server could not keep it, the code of the cause alone says what is the matter.
  const reference = textOf(fields["reference"]) ?? textOf(fields["code"]);
  if (cause === null || reference === null || colour === null) return null;
  const steps = listOf(fields["steps"]).flatMap((entry) => {
    const { step, colour: shade } = fieldsOf(entry);
    const [name, of] = [textOf(step), colourOf(shade)];
    return name === null || of === null ? [] : [{ step: name, colour: of }];
  });
  return { cause, reference, colour, steps };
}
