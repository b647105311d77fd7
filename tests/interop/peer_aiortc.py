"""aiortc as publisher and viewer:  peer_aiortc.py publish|watch URL TOKEN VP8|H264 SECONDS

It says when it is connected. A viewer decodes; SECONDS later it says how many pictures and how many frames of sound came out."""
import asyncio, fractions, json, logging, sys, urllib.request

import av
from aiortc import AudioStreamTrack, RTCPeerConnection, RTCRtpReceiver, RTCRtpSender, RTCSessionDescription, VideoStreamTrack
from aiortc.mediastreams import MediaStreamError

SIZE, RATE = (320, 180), 15


class Picture(VideoStreamTrack):
    """Stripes that move, so that every picture differs from the one before."""

    count = 0

    async def recv(self):
        await asyncio.sleep(1 / RATE)
        frame = av.VideoFrame(*SIZE, "yuv420p")
        for number, plane in enumerate(frame.planes):
            row = bytes((8 * self.count + column) % 256 for column in range(plane.line_size)) if number == 0 else bytes([128]) * plane.line_size
            plane.update(row * plane.height)
        frame.pts, frame.time_base = self.count * 90_000 // RATE, fractions.Fraction(1, 90_000)
        self.count += 1
        return frame


def post(url, token, sdp):
    headers = {"authorization": f"Bearer {token}", "content-type": "application/sdp"}
    with urllib.request.urlopen(urllib.request.Request(url, data=sdp.encode(), headers=headers, method="POST"), timeout=20) as answer:
        return answer.read().decode()


def prefer(transceiver, capabilities, codec):
    wanted = [one for one in capabilities.codecs if one.mimeType.lower() in (f"video/{codec}".lower(), "video/rtx")]
    transceiver.setCodecPreferences(wanted)


async def count(track, counts):
    try:
        while True:
            await track.recv()
            counts[track.kind] += 1
    except MediaStreamError:
        pass


async def main(act, url, token, codec, seconds):
    pc, counts = RTCPeerConnection(), {"audio": 0, "video": 0}
    if act == "publish":
        pc.addTrack(AudioStreamTrack())
        pc.addTrack(Picture())
        prefer(pc.getTransceivers()[1], RTCRtpSender.getCapabilities("video"), codec)
    else:
        pc.on("track", lambda track: asyncio.ensure_future(count(track, counts)))
        pc.addTransceiver("audio", direction="recvonly")
        prefer(pc.addTransceiver("video", direction="recvonly"), RTCRtpReceiver.getCapabilities("video"), codec)
    await pc.setLocalDescription(await pc.createOffer())
    answer = await asyncio.to_thread(post, url, token, pc.localDescription.sdp)
    await pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    for _ in range(200):
        if pc.connectionState != "connecting" and pc.connectionState != "new":
            break
        await asyncio.sleep(0.05)
    print(json.dumps({"state": pc.connectionState}), flush=True)
    await asyncio.sleep(seconds)
    print(json.dumps({"state": pc.connectionState, **counts}), flush=True)
    await asyncio.wait_for(pc.close(), 5)


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(main(*sys.argv[1:5], float(sys.argv[5])))
