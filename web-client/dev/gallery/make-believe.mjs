// Runs in the page before its own scripts: devices and a connection that need no hardware and no network, and a way
// for the gallery to say what the server says.

/** The part of a page's address that says which state of the gallery it is. */
export const asked = (state) => `?${new URLSearchParams({ gallery: JSON.stringify(state) })}`;

/** `flags`, of the state that the address names, say what this machine cannot do. */
export function makeBelieve() {
  // What takes the place of a broken connection is made in a frame of the page, whose clock nobody moves on.
  if (top !== globalThis) {
    globalThis.RTCPeerConnection = top.RTCPeerConnection;
    return;
  }
  const state = JSON.parse(new URLSearchParams(location.search).get("gallery") ?? "null");
  if (state === null) return;
  const { id, now, language, flags } = state;
  globalThis.__pwClock.controller.setSystemTime(now);
  // This browser was never here, and its person speaks this language; a page that is loaded anew within a state keeps
  // what it knows.
  if (sessionStorage.getItem("gallery") !== id) {
    localStorage.clear();
    sessionStorage.clear();
    sessionStorage.setItem("gallery", id);
    localStorage.setItem("dinh.language", language);
  }
  // The next state asks nobody whether this one may be left.
  addEventListener("beforeunload", (event) => event.stopImmediatePropagation());

  globalThis.__tracks = [];
  globalThis.__sockets = [];
  globalThis.__fixed = new Set();
  globalThis.__stats = new Map();
  globalThis.__isHeldBack = flags.isBlocked === true;

  const HUES = [215, 150, 40, 280, 350];
  function drawn(index) {
    // Small, as an operator's page has twenty of them.
    const canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 180 });
    const pen = canvas.getContext("2d");
    pen.scale(1 / 4, 1 / 4);
    const hue = HUES[index % HUES.length];
    function draw() {
      const back = pen.createLinearGradient(0, 0, 0, 720);
      back.addColorStop(0, `hsl(${hue} 35% 38%)`);
      back.addColorStop(1, `hsl(${hue} 40% 18%)`);
      pen.fillStyle = back;
      pen.fillRect(0, 0, 1280, 720);
      pen.fillStyle = `hsl(${hue} 30% 70%)`;
      pen.beginPath();
      pen.arc(640, 300, 120, 0, 7);
      pen.ellipse(640, 700, 260, 240, 0, 0, 7);
      pen.fill();
    }
    draw();
    setInterval(draw, 500);
    return canvas.captureStream(2).getVideoTracks()[0];
  }
  // One for all that is not heard, and it stands still: each that runs costs as much as a page.
  let silence;
  function sound(isHeard) {
    silence ??= new AudioContext();
    if (silence.state === "running") silence.suspend();
    const context = isHeard ? new AudioContext() : silence;
    const out = context.createMediaStreamDestination();
    if (isHeard) {
      const tone = new OscillatorNode(context, { frequency: 220 });
      tone.connect(out);
      tone.start();
    }
    return out.stream.getAudioTracks()[0];
  }

  const { mediaDevices } = navigator;
  const failing = (kind) => flags.fails?.[kind] ?? flags.fails?.both;
  mediaDevices.getUserMedia = async ({ audio }) => {
    if (flags.asks) return new Promise(() => undefined);
    const fault = failing(audio ? "microphone" : "camera");
    if (fault) throw new DOMException(fault === "dismissed" ? "Permission dismissed" : "no", fault === "dismissed" ? "NotAllowedError" : fault);
    const track = audio ? sound(!flags.isSilent) : drawn(4);
    track.getSettings = () => (audio ? { deviceId: "a1" } : { deviceId: "v1", width: 1280, height: 720 });
    globalThis.__tracks.push(track);
    return new MediaStream([track]);
  };
  mediaDevices.getDisplayMedia = async () => new MediaStream([drawn(2)]);
  mediaDevices.enumerateDevices = async () =>
    [
      ["audioinput", "a1", "Microphone (Realtek High Definition Audio)"],
      ["audioinput", "a2", "Jabra Speak 510 USB"],
      ["videoinput", "v1", "Integrated Camera (04f2:b6d9)"],
      ["videoinput", "v2", "HD Pro Webcam C920"],
      ["audiooutput", "o1", "Speakers (Realtek High Definition Audio)"],
      ["audiooutput", "o2", "Jabra Speak 510 USB"],
    ].map(([kind, deviceId, label]) => ({ kind, deviceId, label: flags.areUnnamed ? "" : label, groupId: "g" }));
  if (flags.isInsecure) Object.defineProperty(navigator, "mediaDevices", { value: undefined });
  if (flags.isQuiet) HTMLAudioElement.prototype.play = () => Promise.reject(new DOMException("not yet", "NotAllowedError"));
  if (flags.isSlow) Object.defineProperty(navigator, "mediaCapabilities", { value: { decodingInfo: async () => ({ smooth: false }) } });

  /** What both ends of a line have counted that carries `flags.line`. */
  function counted({ kbps = 1_900, lossPercent = 0, roundTripMs = 24, framesPerSecond = 25 } = {}) {
    const seconds = performance.now() / 1_000;
    const [bytes, packets, frames] = [(kbps * 1_000 * seconds) / 8, 100 * seconds, 25 * seconds].map(Math.round);
    const lost = Math.round((packets * lossPercent) / 100);
    return new Map(
      [
        { type: "outbound-rtp", bytesSent: bytes, packetsSent: packets },
        { type: "remote-inbound-rtp", packetsLost: lost, roundTripTime: roundTripMs / 1_000 },
        { type: "inbound-rtp", kind: "video", bytesReceived: bytes, packetsReceived: packets - lost, packetsLost: lost, jitter: 0.004, framesReceived: frames, framesDecoded: Math.round((frames * framesPerSecond) / 25) },
      ].map((entry) => [entry.type, entry]),
    );
  }

  let videos = 0;
  const pictures = [];
  /** A few pictures in turn: each costs as much as a page. */
  function picture() {
    const index = videos++ % HUES.length;
    pictures[index] ??= drawn(index);
    return pictures[index].clone();
  }
  globalThis.RTCPeerConnection = class extends EventTarget {
    iceConnectionState = "new";
    connectionState = "new";
    localDescription = null;
    lines = [];
    constructor() {
      super();
      globalThis.__peer = this;
    }
    addTransceiver(kind, { direction }) {
      const mid = String(this.lines.length);
      const receives = direction === "recvonly";
      const line = {
        kind,
        direction,
        mid,
        sender: { replaceTrack: () => Promise.resolve(), getParameters: () => ({ encodings: [] }) },
        receiver: { track: receives ? (kind === "video" ? picture() : sound(false)) : null },
      };
      this.lines.push(line);
      return line;
    }
    createOffer() {
      const sdp = this.lines.map(({ kind, mid, direction }) => `m=${kind}\r\na=mid:${mid}\r\na=${direction}\r\n`).join("");
      return Promise.resolve({ type: "offer", sdp });
    }
    setLocalDescription(offer) {
      this.localDescription = offer;
      return Promise.resolve();
    }
    setRemoteDescription({ sdp = "" }) {
      const isStopped = flags.blocks?.some((means) => sdp.includes(`candidate:${means}`));
      if (!flags.isBlocked && !isStopped) setTimeout(() => this.become("connected"), 0);
      return Promise.resolve();
    }
    become(state) {
      this.iceConnectionState = this.connectionState = state;
      this.dispatchEvent(new Event("iceconnectionstatechange"));
      this.dispatchEvent(new Event("connectionstatechange"));
    }
    getStats() {
      return Promise.resolve(location.pathname === "/check" ? counted(flags.line) : globalThis.__stats);
    }
    restartIce() {}
    close() {}
  };

  const Real = WebSocket;
  globalThis.WebSocket = class extends Real {
    constructor(url) {
      super(url);
      // What a state of the gallery says holds, whatever the make-believe server says later.
      this.addEventListener("message", (event) => {
        if (event.isTrusted && globalThis.__fixed.has(JSON.parse(event.data).type)) event.stopImmediatePropagation();
      });
      globalThis.__sockets.push(this);
    }
  };
}
