// A peer connection without a network: remembers what was asked of it, and changes state when the test says so.

import type { Connection } from "../../src/peer.ts";

/** What of a transceiver the page uses. */
interface FakeTransceiver {
  readonly kind: "audio" | "video";
  readonly init: RTCRtpTransceiverInit;
  readonly mid: string;
  readonly sender: {
    track: MediaStreamTrack | null;
    encodings: RTCRtpEncodingParameters[];
    replaceTrack(track: MediaStreamTrack | null): Promise<void>;
    getParameters(): { encodings: RTCRtpEncodingParameters[] };
    setParameters(parameters: { encodings: RTCRtpEncodingParameters[] }): Promise<void>;
  };
  readonly receiver: {
    track: MediaStreamTrack;
    jitterBufferTarget: number | null;
    getSynchronizationSources(): { timestamp: number }[];
  };
}

export class FakeConnection extends EventTarget {
  readonly transceivers: FakeTransceiver[] = [];
  readonly calls: string[] = [];
  iceConnectionState: RTCIceConnectionState = "new";
  connectionState: RTCPeerConnectionState = "new";
  localDescription: { type: string; sdp: string } | null = null;
  remoteSdp: string | null = null;

  addTransceiver(kind: "audio" | "video", init: RTCRtpTransceiverInit): FakeTransceiver {
    const mid = String(this.transceivers.length);
    const sender: FakeTransceiver["sender"] = {
      track: null,
      encodings: (init.sendEncodings ?? []).map((encoding) => ({ ...encoding })),
      replaceTrack: (track) => {
        sender.track = track;
        return Promise.resolve();
      },
      getParameters: () => ({ encodings: sender.encodings.map((encoding) => ({ ...encoding })) }),
      setParameters: ({ encodings }) => {
        this.calls.push("setParameters");
        sender.encodings = encodings;
        return Promise.resolve();
      },
    };
    const receiver = {
      track: { id: `received-${mid}`, kind } as unknown as MediaStreamTrack,
      jitterBufferTarget: null,
      getSynchronizationSources: () => (kind === "audio" && this.playedAt > 0 ? [{ timestamp: this.playedAt }] : []),
    };
    const transceiver = { kind, init, mid, sender, receiver };
    this.transceivers.push(transceiver);
    return transceiver;
  }

  createOffer(): Promise<{ type: string; sdp: string }> {
    this.calls.push("createOffer");
    return Promise.resolve({ type: "offer", sdp: `offer ${this.count("createOffer")}` });
  }

  setLocalDescription(description: { type: string; sdp: string }): Promise<void> {
    this.calls.push("setLocalDescription");
    this.localDescription = description;
    return Promise.resolve();
  }

  setRemoteDescription(description: { sdp: string }): Promise<void> {
    this.calls.push("setRemoteDescription");
    this.remoteSdp = description.sdp;
    return Promise.resolve();
  }

  /** Bytes that have come. */
  received = 0;
  /** When the newest packet of sound was played. */
  playedAt = 0;

  getStats(): Promise<Map<string, unknown>> {
    this.calls.push("getStats");
    const pair = { type: "candidate-pair", bytesReceived: this.received };
    return Promise.resolve(new Map<string, unknown>([["pair", pair]]));
  }

  setConfiguration({ iceServers = [] }: RTCConfiguration): void {
    this.calls.push(`setConfiguration ${iceServers.length}`);
  }

  restartIce(): void {
    this.calls.push("restartIce");
  }

  close(): void {
    this.calls.push("close");
    this.iceConnectionState = "closed";
  }

  /** The browser reports this state. */
  ice(state: RTCIceConnectionState): void {
    this.iceConnectionState = state;
    if (state === "connected") this.connectionState = "connected";
    if (state === "disconnected" || state === "failed") this.connectionState = state;
    this.dispatchEvent(new Event("iceconnectionstatechange"));
    this.dispatchEvent(new Event("connectionstatechange"));
  }

  count(call: string): number {
    return this.calls.filter((made) => made === call).length;
  }

  get asConnection(): Connection {
    return this as unknown as Connection;
  }
}

/** A captured track that knows whether it was stopped. */
export class FakeTrack extends EventTarget {
  readonly kind: string;
  readyState = "live";
  contentHint = "";
  muted = false;
  size = { width: 960, height: 540 };

  constructor(kind: "audio" | "video") {
    super();
    this.kind = kind;
  }

  getSettings(): { width?: number; height?: number } {
    return this.kind === "video" ? this.size : {};
  }

  stop(): void {
    this.readyState = "ended";
  }

  get asTrack(): MediaStreamTrack {
    return this as unknown as MediaStreamTrack;
  }
}

/** Lets every promise that can go on do so. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}
