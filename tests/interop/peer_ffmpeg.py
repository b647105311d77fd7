"""FFmpeg's WHIP muxer, by PyAV, as publisher:  peer_ffmpeg.py publish URL TOKEN H264 SECONDS

With GnuTLS, as here, the certificate that it makes by itself is on curve P-224, which few take: it is given one."""
import datetime, fractions, json, sys, tempfile, time

import av
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

RATE, SAMPLES = 15, 960


def certificate(directory):
    """Files with a certificate on P-256 and its key."""
    key, name, now = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "encoder")]), datetime.datetime.now(datetime.timezone.utc)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(7)
    made = made.not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=9)).sign(key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    with open(f"{directory}/cert.pem", "wb") as file:
        file.write(made.public_bytes(pem))
    with open(f"{directory}/key.pem", "wb") as file:
        file.write(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return {"cert_file": f"{directory}/cert.pem", "key_file": f"{directory}/key.pem"}


def main(url, token, seconds):
    directory = tempfile.TemporaryDirectory(prefix="dinh-interop-")
    out = av.open(url, "w", format="whip", options={"authorization": token, **certificate(directory.name)})
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
