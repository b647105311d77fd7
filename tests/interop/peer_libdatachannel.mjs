// libdatachannel as publisher and viewer:
//   peer_libdatachannel.mjs publish|watch URL TOKEN VP8|H264 SECONDS TRANSPORT CLIP
import datachannel from "node-datachannel";

import { Counter, play, post, say, wait } from "./media.mjs";

const [act, url, token, codec, seconds, transport, clip] = process.argv.slice(2);
const publishes = act === "publish";
const direction = publishes ? "SendOnly" : "RecvOnly";
const [VIDEO, AUDIO] = [{ type: 96, ssrc: 1_001 }, { type: 111, ssrc: 1_002 }];

const pc = new datachannel.PeerConnection("interop", { iceServers: [], enableIceTcp: transport === "tcp", disableAutoNegotiation: true });
let state = "new";
pc.onStateChange((next) => (state = next));
const gathered = new Promise((resume) => pc.onGatheringStateChange((next) => next === "complete" && resume()));

const audio = new datachannel.Audio("0", direction);
audio.addOpusCodec(AUDIO.type);
const video = new datachannel.Video("1", direction);
if (codec === "VP8") video.addVP8Codec(VIDEO.type);
else video.addH264Codec(VIDEO.type, "profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1");
if (publishes) {
  audio.addSSRC(AUDIO.ssrc, "interop", "stream", "audio");
  video.addSSRC(VIDEO.ssrc, "interop", "stream", "video");
}
const tracks = { audio: pc.addTrack(audio), video: pc.addTrack(video) };
const counter = new Counter();
if (!publishes) {
  tracks.video.setMediaHandler(new datachannel.RtcpReceivingSession());
  for (const [kind, track] of Object.entries(tracks)) {
    // RTCP comes here as well (RFC 5761).
    track.onMessage((message) => (message[1] & 0x7f) >= 64 && (message[1] & 0x7f) < 96 ? undefined : counter.note(kind, message));
  }
}
pc.setLocalDescription("offer");
await gathered;
pc.setRemoteDescription(await post(url, token, pc.localDescription().sdp), "answer");
// A track opens in the library's own threads at once, while what it says of the state waits its turn in this one.
const isThere = () => state === "connected" && tracks.video.isOpen() && tracks.audio.isOpen();
for (let waited = 0; !isThere() && waited < 200; waited += 1) await wait(0.05);
say({ state: state });
if (publishes) play(clip, { video: VIDEO, audio: AUDIO }, (kind, packet) => tracks[kind].isOpen() && tracks[kind].sendMessageBinary(packet));
await wait(Number(seconds));
say({ state: state, video: counter.video, audio: counter.audio });
// Threads of the library may still turn.
process.exit(0);
