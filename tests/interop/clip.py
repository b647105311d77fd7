"""The clip that clients without an encoder send, as RTP payloads in a file:  clip.py VP8|H264 FILE

Each entry is a length (4 bytes), the number of its picture (4 bytes), 1 for a picture's last (1 byte), and the payload."""
import fractions, struct, sys

import av
from aiortc.codecs.h264 import H264Encoder
from aiortc.codecs.vpx import VpxPayloadDescriptor

PICTURES, RATE, ROOM = 30, 15, 1_000


def vp8(data, number):
    for at in range(0, len(data), ROOM):
        descriptor = VpxPayloadDescriptor(partition_start=int(at == 0), partition_id=0, picture_id=number)
        yield bytes(descriptor) + data[at : at + ROOM]


def h264(data, _):
    return H264Encoder._packetize(H264Encoder._split_bitstream(data))


def main(codec, path):
    name, payloads = {"VP8": ("libvpx", vp8), "H264": ("libx264", h264)}[codec]
    encoder = av.CodecContext.create(name, "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.bit_rate = 320, 180, "yuv420p", 300_000
    encoder.framerate, encoder.time_base = RATE, fractions.Fraction(1, RATE)
    encoder.options = {"VP8": {"deadline": "realtime", "g": "15"}, "H264": {"preset": "ultrafast", "tune": "zerolatency", "profile": "baseline", "g": "15"}}[codec]
    packets = []
    for number in range(PICTURES):
        frame = av.VideoFrame(320, 180, "yuv420p")
        for index, plane in enumerate(frame.planes):
            row = bytes((8 * number + column) % 256 for column in range(plane.line_size)) if index == 0 else bytes([128]) * plane.line_size
            plane.update(row * plane.height)
        frame.pts = number
        packets.extend(encoder.encode(frame))
    packets.extend(encoder.encode(None))
    with open(path, "wb") as file:
        for number, packet in enumerate(packets):
            pieces = list(payloads(bytes(packet), number))
            for index, piece in enumerate(pieces):
                file.write(struct.pack("!IIB", len(piece), number, index == len(pieces) - 1) + piece)


if __name__ == "__main__":
    main(*sys.argv[1:3])
