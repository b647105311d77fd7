// Runs in a page before the page's own scripts: remembers its peer connections, what became of each and
// when, how often each was given a remote description, and when a picture first moved after a click.

export function spy() {
  // A page makes connections in frames of its own as well: what becomes of them is remembered with the page.
  const isPage = globalThis.top === globalThis;
  const seen = isPage
    ? { peers: [], steps: [], remoteDescriptions: 0, clicked: null, firstFrame: null }
    : globalThis.parent.__seen;
  Object.defineProperty(globalThis, "__seen", { value: seen });

  const note = (step) => seen.steps.push({ step, at: Math.round(performance.now()) });
  function follow(peer) {
    note("connection made");
    peer.addEventListener("icecandidate", ({ candidate }) => {
      if (!candidate?.candidate) return;
      note(`own ${candidate.type} ${candidate.relayProtocol ?? candidate.protocol} ${candidate.address}`);
    });
    peer.addEventListener("iceconnectionstatechange", () => note(`ICE ${peer.iceConnectionState}`));
    peer.addEventListener("connectionstatechange", () => note(peer.connectionState));
    peer.addEventListener("track", ({ track }) => {
      track.addEventListener("unmute", () => note(`${track.kind} arrives`), { once: true });
    });
  }

  const Real = globalThis.RTCPeerConnection;
  globalThis.RTCPeerConnection = class extends Real {
    constructor(...options) {
      super(...options);
      seen.peers.push(this);
      follow(this);
    }
    setRemoteDescription(...description) {
      seen.remoteDescriptions += 1;
      note("answered");
      return super.setRemoteDescription(...description);
    }
  };

  if (!isPage) return;

  // From the last click before it to the first moving picture with a name under it.
  addEventListener(
    "click",
    () => {
      if (seen.firstFrame !== null) return;
      const isLooking = seen.clicked !== null;
      seen.clicked = performance.now();
      if (!isLooking) look();
    },
    { capture: true },
  );
  function look() {
    const videos = [...document.querySelectorAll("figure:has(figcaption) video")];
    if (videos.some((video) => video.videoWidth > 0 && video.currentTime > 0)) seen.firstFrame = performance.now();
    else requestAnimationFrame(look);
  }
}
