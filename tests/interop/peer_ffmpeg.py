"""FFmpeg's WHIP muxer, by PyAV, as publisher:  peer_ffmpeg.py publish URL TOKEN H264 SECONDS"""
import fractions, json, sys, time

import av

RATE, SAMPLES = 15, 960


def main(url, token, seconds):
    out = av.open(url, "w", format="whip", options={"authorization": token})
    video = out.add_stream("libx264", rate=RATE, options={"preset": "ultrafast", "tune": "zerolatency", "g": str(RATE)})
    video.width, video.height, video.pix_fmt = 320, 180, "yuv420p"
    audio = out.add_stream("libopus", rate=48_000)
    audio.layout = "stereo"
    out.start_encoding()
    print(json.dumps({"state": "connected"}), flush=True)
    begun, pictures, samples = time.monotonic(), 0, 0
    while (now := time.monotonic() - begun) < seconds:
        while pictures / RATE <= now:
            frame = av.VideoFrame(320, 180, "yuv420p")
            for number, plane in enumerate(frame.planes):
                plane.update(bytes([(8 * pictures) % 256 if number == 0 else 128]) * plane.buffer_size)
            frame.pts, frame.time_base = pictures, fractions.Fraction(1, RATE)
            out.mux(video.encode(frame))
            pictures += 1
        while samples / 48_000 <= now:
            frame = av.AudioFrame(format="s16", layout="stereo", samples=SAMPLES)
            frame.planes[0].update(bytes(frame.planes[0].buffer_size))
            frame.pts, frame.sample_rate, frame.time_base = samples, 48_000, fractions.Fraction(1, 48_000)
            out.mux(audio.encode(frame))
            samples += SAMPLES
        time.sleep(0.005)
    out.close()


if __name__ == "__main__":
    main(sys.argv[2], sys.argv[3], float(sys.argv[5]))
