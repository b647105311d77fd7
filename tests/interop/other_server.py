"""A WHIP/WHEP server made of aiortc, for the load test:  other_server.py PORT

A full ICE agent that answers `setup:active`. Whoever watches gets what is published, decoded and encoded again."""
import asyncio, http.server, sys, threading

from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaRelay

relay, published, peers = MediaRelay(), {}, []


async def answer(door, offer):
    pc = RTCPeerConnection()
    peers.append(pc)
    if door == "whip":
        pc.on("track", lambda track: published.__setitem__(track.kind, track))
    await pc.setRemoteDescription(RTCSessionDescription(offer, "offer"))
    if door == "whep":
        for transceiver in pc.getTransceivers():
            if transceiver.kind in published:
                pc.addTrack(relay.subscribe(published[transceiver.kind]))
    await pc.setLocalDescription(await pc.createAnswer())
    return pc.localDescription.sdp


def main(port):
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()

    class Door(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do_POST(self):
            offer = self.rfile.read(int(self.headers["content-length"])).decode()
            sdp = asyncio.run_coroutine_threadsafe(answer(self.path.strip("/"), offer), loop).result(20).encode()
            self.send_response(201)
            for name, value in {"content-type": "application/sdp", "location": f"{self.path}/{len(peers)}", "content-length": len(sdp)}.items():
                self.send_header(name, str(value))
            self.end_headers()
            self.wfile.write(sdp)

        def do_DELETE(self):
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Door)
    print("ready", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]))
