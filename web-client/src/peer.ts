// The one peer connection of this page, negotiated once. The only file that names RTCPeerConnection.

import { ALL_LAYERS, bitratesFor, CAMERA_ENCODINGS, layersSent } from "./encodings.ts";
import type { Sight } from "./pathwatch.ts";
import type { Answer, AnsweredSlot, Request, Source } from "./protocol.ts";
import { RequestError } from "./signaling.ts";
import { HOLD_MS, withRepairs } from "./soundhold.ts";
import { wayOf } from "./stats.ts";

/** What of an RTCPeerConnection is used here. */
export type Connection = Pick<
  RTCPeerConnection,
  | "addTransceiver"
  | "createOffer"
  | "setLocalDescription"
  | "setRemoteDescription"
  | "localDescription"
  | "restartIce"
  | "setConfiguration"
  | "getStats"
  | "close"
  | "iceConnectionState"
  | "connectionState"
  | "addEventListener"
>;

/** A position in which something can be received, for the life of the connection. */
export interface Slot extends AnsweredSlot {
  readonly track: MediaStreamTrack;
}

/** What the peer connection is to be made for. */
export interface Plan {
  /** Whether microphone, camera and screen are negotiated at all. */
  readonly sends: boolean;
  /** Video slots beside the three of the stage, filled by `watch`. */
  readonly watchSlots: number;
}

export interface PeerOptions {
  readonly plan: Plan;
  readonly iceServers: readonly RTCIceServer[];
  negotiate(request: Extract<Request, { type: "offer" | "restartIce" }>): Promise<Answer>;
  /** The state or the slots changed. */
  onChange(): void;
  /** The server does not know this connection any more, or it died: a fresh one is needed. */
  onGone(): void;
  /** It takes the place of one whose way has broken: the network may be another. */
  readonly isAfresh: boolean;
  readonly connect?: (configuration: RTCConfiguration) => Connection;
}

type MediaKind = "audio" | "video";

type Direction = "send" | "receive";

export type PeerState = "connecting" | "connected" | "disconnected" | "failed";

/** Audio slots: the loudest speakers at one time. */
const AUDIO_SLOTS = 3;
/** `stage.main`, `stage.second`, `stage.screen`, in this order. */
const STAGE_SLOTS = 3;

/**
 * Playout delay of pictures asked of the browser, in milliseconds, until more is known of the line. Higher: smoother on
 * a bad line; lower: less delay in a dialogue. The browser goes above it by itself when the line needs it.
 */
const PICTURE_HOLD_MS = 60;

/** A shared screen moves little and must stay readable. */
const SCREEN_ENCODINGS: readonly RTCRtpEncodingParameters[] = [{ maxBitrate: 2_000_000, maxFramerate: 15 }];

/** Opus at full band for speech, in bits per second. On a narrow line it gets its share before pictures do. */
const MICROPHONE_ENCODINGS: readonly RTCRtpEncodingParameters[] = [{ maxBitrate: 40_000, priority: "high" }];

/** Of so many looks at the way one makes a report, which alone says what it is made of. */
const LOOKS_FOR_ONE_REPORT = 8;

function capabilities(direction: Direction, kind: MediaKind): readonly RTCRtpCodec[] {
  const source = direction === "send" ? RTCRtpSender : RTCRtpReceiver;
  return source.getCapabilities(kind)?.codecs ?? [];
}

/**
 * Those of the browser's codecs that the server forwards, VP8 before H.264, with their retransmissions and, of sound
 * that is received, with what carries a packet together with those before it.
 * An operator's offer has some twenty video m-lines: with every codec of a browser it would not fit into a frame.
 */
export function forwardable(codecs: readonly RTCRtpCodec[], direction: Direction): RTCRtpCodec[] {
  const rank = ({ mimeType, sdpFmtpLine = "" }: RTCRtpCodec): number => {
    switch (mimeType.toLowerCase()) {
      case "audio/opus":
      case "video/vp8":
        return 0;
      case "video/h264":
        return /profile-level-id=42[0e]0/iu.test(sdpFmtpLine) && /packetization-mode=1/u.test(sdpFmtpLine) ? 1 : -1;
      case "video/rtx":
        return 2;
      case "audio/red":
        return direction === "receive" ? 2 : -1;
      default:
        return -1;
    }
  };
  return codecs.filter((codec) => rank(codec) >= 0).sort((a, b) => rank(a) - rank(b));
}

/** Whether the same request may be answered a moment later. */
function isPassing({ code, retryAfterSeconds }: RequestError): boolean {
  return code === "disconnected" || code === "timeout" || retryAfterSeconds !== null;
}

let setRemoteDescriptionCalls = 0;

/** How often this page has called `setRemoteDescription`: once, unless a connection broke. */
export function remoteDescriptionsSet(): number {
  return setRemoteDescriptionCalls;
}

/**
 * Makes a connection in a frame of its own. Which networks there are Chromium tells a frame when that is made, and then
 * whenever they have not changed for two seconds: until then a connection tries addresses that are gone.
 */
function connectInFrame(configuration: RTCConfiguration, signal: AbortSignal): Connection {
  const frame = document.createElement("iframe");
  frame.hidden = true;
  document.body.append(frame);
  const inside = frame.contentWindow as Partial<typeof globalThis> | null;
  const connection = new (inside?.RTCPeerConnection ?? RTCPeerConnection)(configuration);
  signal.addEventListener(
    "abort",
    () => {
      connection.close();
      frame.remove();
    },
    { once: true },
  );
  return connection;
}

function connectionFor({ connect, isAfresh, iceServers }: PeerOptions, signal: AbortSignal): Connection {
  const configuration = configurationWith(iceServers);
  if (connect !== undefined) return connect(configuration);
  return isAfresh ? connectInFrame(configuration, signal) : new RTCPeerConnection(configuration);
}

function configurationWith(iceServers: readonly RTCIceServer[]): RTCConfiguration {
  return { iceServers: [...iceServers], bundlePolicy: "max-bundle" };
}

export class PeerLink {
  readonly #options: PeerOptions;
  readonly #connection: Connection;
  readonly #signal: AbortSignal;
  readonly #senders = new Map<Source, RTCRtpTransceiver>();
  readonly #receivers: RTCRtpTransceiver[] = [];
  /** What each kind of line prefers: an operator has twenty of one kind. */
  readonly #codecs = new Map<string, RTCRtpCodec[]>();
  #slots: readonly Slot[] = [];
  #fitting: Promise<void> = Promise.resolve();
  #negotiation: "idle" | "waiting" | "answered" = "idle";
  /** What the last report said of the way. */
  #way: Pick<Sight, "received" | "protocol"> = { received: 0, protocol: null };
  #looks = 0;
  /** So often something was seen to come without a report. */
  #signs = 0;
  /** Something was seen to come since the last report, which therefore says nothing of this moment. */
  #isStale = false;
  /** What had come between a stale report and the next. */
  #known = 0;
  /** When the newest packet that is known of was played, by the browser's clock for that. */
  #playedAt = 0;

  constructor(options: PeerOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
    this.#connection = connectionFor(options, signal);
    this.#addTransceivers(options.plan);
    this.#connection.addEventListener("iceconnectionstatechange", () => options.onChange(), { signal });
    this.#connection.addEventListener("connectionstatechange", () => this.#watchTransport(), { signal });
    signal.addEventListener("abort", () => this.#connection.close(), { once: true });
  }

  get slots(): readonly Slot[] {
    return this.#slots;
  }

  get isAnswered(): boolean {
    return this.#negotiation === "answered";
  }

  get state(): PeerState {
    switch (this.#connection.iceConnectionState) {
      case "connected":
      case "completed":
        return this.#connection.connectionState === "failed" ? "failed" : this.#dtls();
      case "disconnected":
        return "disconnected";
      case "failed":
      case "closed":
        return "failed";
      case "new":
      case "checking":
        return "connecting";
    }
  }

  /** Where a track for `source` goes; `null` if this participant may not send it. */
  sender(source: Source): RTCRtpSender | null {
    return this.#senders.get(source)?.sender ?? null;
  }

  /**
   * Makes what is sent of a picture fit its size and how many of its layers are looked at. Where that is what it was,
   * nothing is done. One call after the other: a browser refuses the second of two at the same time.
   */
  fit(source: Source, track: MediaStreamTrack, wanted: number): Promise<void> {
    this.#fitting = this.#fitting.then(() => this.#fit(source, track, wanted));
    return this.#fitting;
  }

  async #fit(source: Source, track: MediaStreamTrack, wanted: number): Promise<void> {
    const sender = this.sender(source);
    if (source === "microphone" || sender === null) return;
    const { width, height } = track.getSettings();
    const size = width === undefined || height === undefined ? null : { width, height };
    const bitrates = source === "camera" && size !== null ? bitratesFor(size) : null;
    const sent = layersSent(size ?? { width: 0, height: 0 }, size === null && wanted > 0 ? ALL_LAYERS : wanted);
    const parameters = sender.getParameters();
    let isFit = true;
    for (const encoding of parameters.encodings) {
      const active = encoding.rid === undefined ? wanted > 0 : sent.has(encoding.rid);
      const maxBitrate = bitrates?.get(encoding.rid ?? "") ?? encoding.maxBitrate;
      if ((encoding.active ?? true) === active && encoding.maxBitrate === maxBitrate) continue;
      isFit = false;
      encoding.active = active;
      if (maxBitrate !== undefined) encoding.maxBitrate = maxBitrate;
    }
    if (isFit) return;
    try {
      await sender.setParameters(parameters);
    } catch {
      // Some browser does not let layers be changed. What is sent is more than good enough.
    }
  }

  /** Holds what is received back for so many milliseconds, where the browser can. */
  hold({ sound, pictures }: { readonly sound: number; readonly pictures: number }): void {
    for (const { receiver } of this.#receivers) {
      if (!("jitterBufferTarget" in receiver)) continue;
      const ms = receiver.track.kind === "audio" ? sound : Math.max(pictures, PICTURE_HOLD_MS);
      if (receiver.jitterBufferTarget !== ms) receiver.jitterBufferTarget = ms;
    }
  }

  stats(): Promise<RTCStatsReport> {
    return this.#connection.getStats();
  }

  /**
   * Makes the one offer and takes its answer. When the line is lost in between it does nothing;
   * call it again after the next `welcome`.
   */
  async offer(): Promise<void> {
    if (this.#negotiation !== "idle") return;
    this.#negotiation = "waiting";
    try {
      if (this.#connection.localDescription === null) {
        await this.#describe();
      }
      const answer = await this.#options.negotiate({
        type: "offer",
        sdp: this.#localSdp(),
        sources: this.#sources(),
      });
      if (this.#signal.aborted) return;
      await this.#accept(answer);
      this.#slots = this.#fillSlots(answer.slots);
      this.#negotiation = "answered";
      this.#options.onChange();
    } finally {
      if (this.#negotiation === "waiting") this.#negotiation = "idle";
    }
  }

  /** From the next ICE restart on these are used: what the former ones were good for may be over. */
  useIceServers(iceServers: readonly RTCIceServer[]): void {
    // Not in every browser that we serve.
    if ("setConfiguration" in this.#connection) this.#connection.setConfiguration(configurationWith(iceServers));
  }

  /**
   * What is known of the way at this moment. A report of everything costs an old machine more than all else that a page
   * does: where sound or a picture has come meanwhile, the way is there, and only now and then is one made.
   */
  async sight(): Promise<Sight> {
    this.#looks += 1;
    const hasCome = this.#hasCome();
    if (hasCome) this.#signs += 1;
    if (!hasCome || this.#looks % LOOKS_FOR_ONE_REPORT === 0) {
      const way = wayOf((await this.#connection.getStats()).entries());
      // What came meanwhile was seen then: it is no sign of now.
      if (this.#isStale) this.#known += Math.max(0, way.received - this.#way.received);
      this.#way = way;
      this.#isStale = false;
    } else {
      this.#isStale = true;
    }
    const received = this.#way.received - this.#known + this.#signs;
    return { state: this.state, received, protocol: this.#way.protocol };
  }

  /** Whether a packet of something that is received was played since it was asked last. */
  #hasCome(): boolean {
    for (const { receiver } of this.#receivers) {
      // Not in every browser that we serve.
      const sources = "getSynchronizationSources" in receiver ? receiver.getSynchronizationSources() : [];
      for (const { timestamp } of sources) {
        if (timestamp <= this.#playedAt) continue;
        this.#playedAt = timestamp;
        return true;
      }
    }
    return false;
  }

  /**
   * Looks for another way on the same connection, which goes on over the old one until there is one. It needs an open
   * WebSocket; if that is lost before the answer, it may be called again.
   */
  async restartIce(): Promise<void> {
    if (this.#negotiation !== "answered") return;
    this.#negotiation = "waiting";
    try {
      this.#connection.restartIce();
      await this.#describe();
      const answer = await this.#options.negotiate({ type: "restartIce", sdp: this.#localSdp() });
      if (this.#signal.aborted) return;
      await this.#accept(answer);
      this.#negotiation = "answered";
    } catch (error) {
      if (this.#signal.aborted) return;
      if (error instanceof RequestError && isPassing(error)) await this.#rollBack();
      else this.#giveUp();
      if (!(error instanceof RequestError)) throw error;
    }
  }

  /** Makes the offer and takes it for the local description. */
  async #describe(): Promise<void> {
    const offer = await this.#connection.createOffer();
    const sdp = withRepairs(offer.sdp ?? "");
    try {
      await this.#connection.setLocalDescription({ type: "offer", sdp });
    } catch {
      // A browser that wants its own words back. What is lost is not asked for again then.
      await this.#connection.setLocalDescription(offer);
    }
  }

  async #rollBack(): Promise<void> {
    try {
      await this.#connection.setLocalDescription({ type: "rollback" });
      this.#negotiation = "answered";
    } catch {
      this.#giveUp();
    }
  }

  /** Half a negotiation cannot be resumed on this connection. */
  #giveUp(): void {
    this.#negotiation = "idle";
    if (!this.#signal.aborted) this.#options.onGone();
  }

  #dtls(): PeerState {
    return this.#connection.connectionState === "connected" ? "connected" : "connecting";
  }

  #addTransceivers({ sends, watchSlots }: Plan): void {
    if (sends) {
      this.#addSender("microphone", "audio", MICROPHONE_ENCODINGS);
      this.#addSender("camera", "video", CAMERA_ENCODINGS);
      this.#addSender("screen", "video", SCREEN_ENCODINGS);
    }
    for (let i = 0; i < AUDIO_SLOTS; i++) this.#addReceiver("audio");
    for (let i = 0; i < STAGE_SLOTS + watchSlots; i++) this.#addReceiver("video");
  }

  #addSender(source: Source, kind: MediaKind, encodings: readonly RTCRtpEncodingParameters[]): void {
    const sendEncodings = encodings.map((encoding) => ({ ...encoding }));
    const transceiver = this.#connection.addTransceiver(kind, { direction: "sendonly", sendEncodings });
    this.#preferForwardable(transceiver, "send", kind);
    this.#senders.set(source, transceiver);
  }

  #addReceiver(kind: MediaKind): void {
    const transceiver = this.#connection.addTransceiver(kind, { direction: "recvonly" });
    this.#preferForwardable(transceiver, "receive", kind);
    // Not in every browser that we serve.
    const ms = kind === "audio" ? HOLD_MS.listening : PICTURE_HOLD_MS;
    if ("jitterBufferTarget" in transceiver.receiver) transceiver.receiver.jitterBufferTarget = ms;
    this.#receivers.push(transceiver);
  }

  #preferForwardable(transceiver: RTCRtpTransceiver, direction: Direction, kind: MediaKind): void {
    // Not in every browser that we serve; without it the offer is longer and works as well.
    if (!("setCodecPreferences" in transceiver)) return;
    try {
      const key = `${direction} ${kind}`;
      const codecs = this.#codecs.get(key) ?? forwardable(capabilities(direction, kind), direction);
      this.#codecs.set(key, codecs);
      transceiver.setCodecPreferences(codecs);
    } catch {
      // Browsers differ in what they let a sender prefer. Their own order stays.
    }
  }

  #localSdp(): string {
    return this.#connection.localDescription?.sdp ?? "";
  }

  #sources(): Record<string, Source> {
    const sources: Record<string, Source> = {};
    for (const [source, { mid }] of this.#senders) if (mid !== null) sources[mid] = source;
    return sources;
  }

  async #accept(answer: Answer): Promise<void> {
    setRemoteDescriptionCalls += 1;
    await this.#connection.setRemoteDescription({ type: "answer", sdp: answer.sdp });
  }

  #fillSlots(answered: readonly AnsweredSlot[]): readonly Slot[] {
    const tracks = new Map(this.#receivers.map(({ mid, receiver }) => [mid, receiver.track]));
    return answered.flatMap((slot) => {
      const track = tracks.get(slot.mid);
      return track === undefined ? [] : [{ ...slot, track }];
    });
  }

  #watchTransport(): void {
    this.#options.onChange();
    const { connectionState, iceConnectionState } = this.#connection;
    // DTLS failed or was closed by the server over a path that works: no ICE restart can help.
    if (connectionState === "failed" && iceConnectionState !== "failed") this.#options.onGone();
  }
}
