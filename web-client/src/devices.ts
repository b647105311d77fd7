// Cameras and microphones of this machine: what is there, opening them, and why it failed.

/** What a person can do something about. Each has a sentence in every language. */
export type DeviceProblem =
  | "denied"
  | "dismissed"
  | "missing"
  | "busy"
  | "insecure"
  | "unplugged"
  | "unsupported"
  | "unknown";

export type DeviceKind = "microphone" | "camera";

export interface DeviceChoice {
  readonly id: string;
  readonly label: string;
}

export interface DeviceList {
  readonly microphones: readonly DeviceChoice[];
  readonly cameras: readonly DeviceChoice[];
  readonly loudspeakers: readonly DeviceChoice[];
}

export interface Opened {
  readonly track: MediaStreamTrack | null;
  readonly problem: DeviceProblem | null;
  /** Waiting for the person to answer the browser's question. */
  readonly asking: boolean;
  /** The system or a switch at the device keeps everything back. */
  readonly isMuted: boolean;
}

export interface DeviceState {
  readonly microphone: Opened;
  readonly camera: Opened;
  readonly list: DeviceList;
}

/** What of `navigator.mediaDevices` is used here. */
export type MediaSource = Pick<
  MediaDevices,
  "getUserMedia" | "enumerateDevices" | "getDisplayMedia" | "addEventListener"
>;

/** Remembered choices: an empty string lets the browser choose. */
export interface DeviceMemory {
  chosen(kind: DeviceKind): string;
  choose(kind: DeviceKind, id: string): void;
}

/** Size and rate asked of the camera. */
export interface CameraSize {
  readonly width: number;
  readonly height: number;
  readonly frameRate: number;
}

/** A hall is seen on walls. */
export const HALL_CAMERA: CameraSize = { width: 1280, height: 720, frameRate: 30 };
/** An old PC encodes three layers of this and still plays what it receives. */
export const SITE_CAMERA: CameraSize = { width: 960, height: 540, frameRate: 25 };

const NO_LIST: DeviceList = { microphones: [], cameras: [], loudspeakers: [] };
export const NOTHING: Opened = { track: null, problem: null, asking: false, isMuted: false };

/** Says what a failed `getUserMedia` means for a person. */
export function problemOf(error: unknown): DeviceProblem {
  const name = error instanceof Error ? error.name : "";
  // The question was closed without an answer: the next attempt asks again.
  if (error instanceof Error && name === "NotAllowedError" && /dismissed/iu.test(error.message)) return "dismissed";
  switch (name) {
    case "NotAllowedError":
    case "PermissionDeniedError":
      return "denied";
    case "NotFoundError":
    case "OverconstrainedError":
    case "DevicesNotFoundError":
      return "missing";
    case "NotReadableError":
    case "AbortError":
    case "TrackStartError":
      return "busy";
    case "SecurityError":
      return "insecure";
    case "TypeError":
    case "NotSupportedError":
      return "unsupported";
    default:
      return "unknown";
  }
}

/** The microphone and the camera of this page, each open or not, for as long as `signal` lives. */
export class LocalDevices {
  readonly #source: MediaSource | undefined;
  readonly #memory: DeviceMemory;
  readonly #size: CameraSize;
  readonly #onChange: (state: DeviceState) => void;
  #state: DeviceState = { microphone: NOTHING, camera: NOTHING, list: NO_LIST };

  constructor(
    options: {
      source: MediaSource | undefined;
      memory: DeviceMemory;
      size: CameraSize;
      onChange: (state: DeviceState) => void;
    },
    signal: AbortSignal,
  ) {
    this.#source = options.source;
    this.#memory = options.memory;
    this.#size = options.size;
    this.#onChange = options.onChange;
    this.#source?.addEventListener("devicechange", () => void this.refresh(), { signal });
    signal.addEventListener("abort", () => this.close(), { once: true });
  }

  get state(): DeviceState {
    return this.#state;
  }

  /** Reads the list of devices again. Labels are there once one device has been allowed. */
  async refresh(): Promise<void> {
    const devices = (await this.#source?.enumerateDevices().catch(() => [])) ?? [];
    const choices = (kind: MediaDeviceKind) =>
      devices
        .filter((device) => device.kind === kind && device.deviceId !== "")
        .map(({ deviceId, label }) => ({ id: deviceId, label }));
    const list = {
      microphones: choices("audioinput"),
      cameras: choices("videoinput"),
      loudspeakers: choices("audiooutput"),
    };
    this.#change({ list });
  }

  /** Opens one device, the remembered one if it is there. What went wrong is in `state`. */
  async open(kind: DeviceKind): Promise<MediaStreamTrack | null> {
    const before = this.#state[kind];
    if (before.track !== null) return before.track;
    if (before.asking) return null;
    if (this.#source === undefined) {
      this.#set(kind, { ...NOTHING, problem: "insecure" });
      return null;
    }
    this.#set(kind, { ...NOTHING, asking: true });
    try {
      const track = await this.#capture(kind, this.#source);
      this.#keep(kind, track);
      await this.refresh();
      return track;
    } catch (error) {
      this.#set(kind, { ...NOTHING, problem: problemOf(error) });
      return null;
    }
  }

  /**
   * Opens another device of this kind and remembers it. The former one goes on until the new one is there, so that
   * nothing goes off the air; where only one can be open, as on a phone, it is let go first.
   */
  async choose(kind: DeviceKind, id: string): Promise<MediaStreamTrack | null> {
    this.#memory.choose(kind, id);
    const former = this.#state[kind].track;
    if (former !== null && this.#source !== undefined) {
      try {
        const track = await this.#capture(kind, this.#source);
        this.#keep(kind, track);
        former.stop();
        return track;
      } catch {
        // Opened anew below, which says what is wrong.
      }
    }
    this.release(kind);
    return this.open(kind);
  }

  /** The camera at the other side of a phone: the next in the list. */
  async turnCamera(): Promise<void> {
    const { cameras } = this.#state.list;
    const id = this.#state.camera.track?.getSettings().deviceId;
    const index = cameras.findIndex((camera) => camera.id === id);
    const next = cameras[(index + 1) % cameras.length];
    if (next !== undefined) await this.choose("camera", next.id);
  }

  /** Lets go of one device; its light goes out. */
  release(kind: DeviceKind): void {
    this.#state[kind].track?.stop();
    this.#set(kind, NOTHING);
  }

  close(): void {
    this.release("microphone");
    this.release("camera");
  }

  async #capture(kind: DeviceKind, source: MediaSource): Promise<MediaStreamTrack> {
    const id = this.#memory.chosen(kind);
    const remembered = id === "" ? {} : { deviceId: { ideal: id } };
    const constraints: MediaStreamConstraints =
      kind === "microphone"
        ? { audio: { ...remembered, echoCancellation: true, noiseSuppression: true, autoGainControl: true } }
        : {
            video: {
              ...remembered,
              width: { ideal: this.#size.width },
              height: { ideal: this.#size.height },
              frameRate: { ideal: this.#size.frameRate, max: 30 },
            },
          };
    const stream = await source.getUserMedia(constraints);
    const [track] = stream.getTracks();
    if (track === undefined) throw new DOMException("the stream came without a track", "NotFoundError");
    return track;
  }

  #keep(kind: DeviceKind, track: MediaStreamTrack): void {
    track.contentHint = kind === "microphone" ? "speech" : "motion";
    track.addEventListener("ended", () => {
      if (this.#state[kind].track === track) this.#set(kind, { ...NOTHING, problem: "unplugged" });
    });
    const noteMuted = () => {
      if (this.#state[kind].track === track) this.#set(kind, { ...NOTHING, track, isMuted: track.muted });
    };
    track.addEventListener("mute", noteMuted);
    track.addEventListener("unmute", noteMuted);
    this.#set(kind, { ...NOTHING, track, isMuted: track.muted });
  }

  #set(kind: DeviceKind, opened: Opened): void {
    this.#change(kind === "microphone" ? { microphone: opened } : { camera: opened });
  }

  #change(part: Partial<DeviceState>): void {
    this.#state = { ...this.#state, ...part };
    this.#onChange(this.#state);
  }
}

/** Asks which screen or window to share; `null` if the person changed their mind. */
export async function openScreen(source: MediaSource | undefined): Promise<MediaStreamTrack | null> {
  if (source === undefined) return null;
  try {
    const stream = await source.getDisplayMedia({ video: { frameRate: { max: 15 } }, audio: false });
    const [track] = stream.getVideoTracks();
    if (track === undefined) return null;
    track.contentHint = "detail";
    return track;
  } catch (error) {
    if (problemOf(error) === "denied") return null;
    throw error;
  }
}
