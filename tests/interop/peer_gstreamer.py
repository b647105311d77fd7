"""GStreamer's webrtcbin as publisher and viewer:  peer_gstreamer.py publish|watch URL TOKEN VP8|H264 SECONDS

Runs with the system's Python, whose packages bring GStreamer's bindings. A viewer decodes."""
import json, sys, urllib.request

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC

VIDEO = {
    "VP8": ("vp8enc deadline=1 keyframe-max-dist=15 target-bitrate=300000 ! rtpvp8pay mtu=1200 picture-id-mode=2", 96),
    "H264": ("x264enc tune=zerolatency speed-preset=ultrafast key-int-max=15 bitrate=300 ! video/x-h264,profile=constrained-baseline ! rtph264pay mtu=1200 config-interval=-1", 96),
}
CAPS = "application/x-rtp,media={media},encoding-name={name},payload={type},clock-rate={rate}"


class Peer:
    def __init__(self, act, url, token, codec, seconds):
        self.url, self.token, self.counts, self.posted, self.failure = url, token, {"audio": 0, "video": 0}, False, None
        video, type_ = VIDEO[codec]
        video_caps = CAPS.format(media="video", name=codec, type=type_, rate=90_000)
        audio_caps = CAPS.format(media="audio", name="OPUS", type=111, rate=48_000)
        self.loop = GLib.MainLoop()
        if act == "publish":
            self.pipeline = Gst.parse_launch(
                "webrtcbin name=peer bundle-policy=max-bundle latency=0 "
                f"audiotestsrc is-live=true wave=silence ! audioconvert ! opusenc ! rtpopuspay ! {audio_caps} ! peer. "
                f"videotestsrc is-live=true ! video/x-raw,width=320,height=180,framerate=15/1 ! videoconvert ! {video} ! {video_caps} ! peer.")
            self.peer = self.pipeline.get_by_name("peer")
            for number in range(2):
                self.peer.emit("get-transceiver", number).set_property("direction", GstWebRTC.WebRTCRTPTransceiverDirection.SENDONLY)
        else:
            self.pipeline, self.peer = Gst.Pipeline.new(), Gst.parse_launch("webrtcbin bundle-policy=max-bundle latency=50")
            self.pipeline.add(self.peer)
            self.peer.connect("pad-added", self.on_pad)
            for caps in (audio_caps, video_caps):
                self.peer.emit("add-transceiver", GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY, Gst.Caps.from_string(caps))
        self.peer.connect("on-negotiation-needed", self.on_negotiation)
        self.peer.connect("notify::ice-gathering-state", self.on_gathering)
        self.peer.connect("notify::connection-state", self.on_connection)
        self.seconds, self.connected = seconds, False
        self.pipeline.set_state(Gst.State.PLAYING)
        GLib.timeout_add(10_000, lambda: self.connected or self.loop.quit())

    def on_negotiation(self, peer):
        peer.emit("create-offer", None, Gst.Promise.new_with_change_func(self.on_offer))

    def on_offer(self, promise):
        # The offer lives no longer than the reply.
        reply = promise.get_reply()
        offer = reply.get_value("offer")
        self.peer.emit("set-local-description", offer, None)

    def on_gathering(self, peer, _):
        if peer.get_property("ice-gathering-state") == GstWebRTC.WebRTCICEGatheringState.COMPLETE and not self.posted:
            self.posted = True
            GLib.idle_add(self.post)

    def post(self):
        offer = self.peer.get_property("local-description").sdp.as_text()
        headers = {"authorization": f"Bearer {self.token}", "content-type": "application/sdp"}
        try:
            with urllib.request.urlopen(urllib.request.Request(self.url, data=offer.encode(), headers=headers, method="POST"), timeout=20) as answer:
                text = answer.read().decode()
        except OSError as error:
            self.failure = str(error)
            self.loop.quit()
            return
        _, sdp = GstSdp.SDPMessage.new_from_text(text)
        self.peer.emit("set-remote-description", GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, sdp), None)

    def on_connection(self, peer, _):
        if peer.get_property("connection-state") == GstWebRTC.WebRTCPeerConnectionState.CONNECTED and not self.connected:
            self.connected = True
            print(json.dumps({"state": "connected"}), flush=True)
            GLib.timeout_add(int(1_000 * self.seconds), self.loop.quit)

    def on_pad(self, _, pad):
        if pad.direction != Gst.PadDirection.SRC:
            return
        kind = pad.get_current_caps().get_structure(0).get_string("media")
        decoder, sink = Gst.ElementFactory.make("decodebin"), Gst.ElementFactory.make("fakesink")
        decoder.connect("pad-added", lambda _, out: out.link(sink.get_static_pad("sink")))
        sink.get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, self.count, kind)
        for element in (decoder, sink):
            self.pipeline.add(element)
            element.sync_state_with_parent()
        pad.link(decoder.get_static_pad("sink"))

    def count(self, _pad, _info, kind):
        self.counts[kind] += 1
        return Gst.PadProbeReturn.OK

    def run(self):
        self.loop.run()
        state = self.peer.get_property("connection-state").value_nick
        print(json.dumps({"state": self.failure or state, **self.counts}), flush=True)
        self.pipeline.set_state(Gst.State.NULL)


if __name__ == "__main__":
    Gst.init(None)
    Peer(*sys.argv[1:5], float(sys.argv[5])).run()
