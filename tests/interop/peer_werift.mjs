// werift as publisher and viewer:
//   peer_werift.mjs publish|watch URL TOKEN VP8|H264 SECONDS TRANSPORT CLIP
import { MediaStreamTrack, RTCPeerConnection, useH264, useOPUS, useVP8 } from "werift";

import { Counter, play, post, say, wait } from "./media.mjs";

const [act, url, token, codec, seconds, , clip] = process.argv.slice(2);
const publishes = act === "publish";
const [VIDEO, AUDIO] = [{ type: 96, ssrc: 1_001 }, { type: 111, ssrc: 1_002 }];

const pc = new RTCPeerConnection({
  iceServers: [],
  codecs: { audio: [useOPUS({ payloadType: AUDIO.type })], video: [codec === "VP8" ? useVP8({ payloadType: VIDEO.type }) : useH264({ payloadType: VIDEO.type })] },
});
const counter = new Counter();
const tracks = {};
for (const kind of ["audio", "video"]) {
  if (publishes) {
    tracks[kind] = new MediaStreamTrack({ kind });
    pc.addTransceiver(tracks[kind], { direction: "sendonly" });
  } else {
    const transceiver = pc.addTransceiver(kind, { direction: "recvonly" });
    transceiver.onTrack.subscribe((track) => track.onReceiveRtp.subscribe((packet) => counter.note(kind, packet.serialize())));
  }
}
await pc.setLocalDescription(await pc.createOffer());
for (let waited = 0; pc.iceGatheringState !== "complete" && waited < 60; waited += 1) await wait(0.05);
await pc.setRemoteDescription({ type: "answer", sdp: await post(url, token, pc.localDescription.sdp) });
for (let waited = 0; !(pc.connectionState === "connected") && waited < 200; waited += 1) await wait(0.05);
say({ state: pc.connectionState });
if (publishes) play(clip, { video: VIDEO, audio: AUDIO }, (kind, packet) => tracks[kind].writeRtp(packet));
await wait(Number(seconds));
say({ state: pc.connectionState, video: counter.video, audio: counter.audio });
// Threads of the library may still turn.
process.exit(0);
