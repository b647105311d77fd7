"""Every client against the server, and the matrix of what came of it:  matrix.py DINH LOADTEST OUT [CLIENT…]

A cell is a conference of its own: one publishes for some seconds, another watches, and what was decoded (or came whole) is
counted. A cell that cannot work says why; one that should and does not makes the run fail."""
import asyncio, json, os, shutil, subprocess, sys, time

import house
import others

HERE = os.path.dirname(os.path.realpath(__file__))
SECONDS = 4.0
# Pictures a second that everybody here sends, and how many must be seen: a slow machine leaves some out.
RATE, ENOUGH = 15, 15
CODECS, TRANSPORTS = ("VP8", "H264"), ("udp", "tcp")
# Cells at a time.
BESIDE = 2
# What a client may take for anything, seconds.
LIMIT = 30

CLIENTS = {
    "aiortc": {
        "program": [sys.executable, "peer_aiortc.py"],
        "acts": ("publish", "watch"),
        "cannot": lambda act, codec, transport: "aioice has no ICE-TCP" if transport == "tcp" else None,
    },
    "FFmpeg": {
        "program": [sys.executable, "peer_ffmpeg.py"],
        "acts": ("publish",),
        "cannot": lambda act, codec, transport: "its WHIP muxer takes H.264 alone" if codec == "VP8" else "its WHIP muxer has no ICE-TCP" if transport == "tcp" else None,
    },
    "GStreamer": {
        "program": ["/usr/bin/python3", "peer_gstreamer.py"],
        "acts": ("publish", "watch"),
        "cannot": lambda act, codec, transport: None,
    },
    "libdatachannel": {
        "program": ["node", "peer_libdatachannel.mjs"],
        "acts": ("publish", "watch"),
        "cannot": lambda act, codec, transport: "its library (libjuice) writes a frame from two threads that hold different locks, so that parts of it are sent twice and its framing (RFC 4571) breaks after some seconds; the server counts `bad_framing` and closes the connection" if (act, transport) == ("publish", "tcp") else None,
    },
    "werift": {
        "program": ["node", "peer_werift.mjs"],
        "acts": ("publish", "watch"),
        "cannot": lambda act, codec, transport: "werift has no ICE-TCP" if transport == "tcp" else None,
    },
}


class Cell:
    def __init__(self, client, act, codec, transport):
        self.client, self.act, self.codec, self.transport = client, act, codec, transport
        self.name = f"{client}-{act}-{codec}-{transport}".lower()
        self.right, self.says = False, ""

    async def run(self, server, out):
        why = CLIENTS[self.client]["cannot"](self.act, self.codec, self.transport)
        if why:
            self.right, self.says = None, why
            return
        publisher, viewer = (self.client, "aiortc") if self.act == "publish" else ("aiortc", self.client)
        hall, site = await asyncio.to_thread(server.conference, self.name)
        ways = {publisher: "udp", viewer: "udp", self.client: self.transport}
        url = lambda who, door: f"http://127.0.0.1:{house.PROXY}/{ways[who]}/{door}/{self.name}"
        with open(f"{out}/{self.name}.log", "wb") as log:
            start = lambda who, act, address, token, seconds: self.start(who, act, address, token, seconds, ways[who], out, log)
            publishing = await start(publisher, "publish", url(publisher, "whip"), hall, LIMIT)
            seen, sent = {}, await line(publishing)
            if sent.get("state") == "connected":
                watching = await start(viewer, "watch", url(viewer, "whep"), site, SECONDS)
                seen = await line(watching)
                if seen.get("state") == "connected":
                    seen = await line(watching)
                await end(watching)
            await end(publishing)
        self.judge(sent, seen)

    async def start(self, who, act, url, token, seconds, transport, out, log):
        program = CLIENTS[who]["program"]
        words = [*program[:-1], os.path.join(HERE, program[-1]), act, url, token, self.codec, str(seconds), transport, f"{out}/clip.{self.codec}"]
        return await asyncio.create_subprocess_exec(*words, stdout=subprocess.PIPE, stderr=log, cwd=HERE)

    def judge(self, sent, seen):
        pictures, sounds = seen.get("video", 0), seen.get("audio", 0)
        self.right = pictures >= ENOUGH and sounds >= ENOUGH
        self.says = f"{pictures} pictures, {sounds} sounds"
        if not self.right:
            refused = house.Proxy.refusals.get(self.name)
            self.says += f"; {refused}" if refused else f"; publisher {sent.get('state', 'silent')}, viewer {seen.get('state', 'silent')}"


async def line(process):
    """The next line that a client prints, as a value; nothing when none comes."""
    try:
        return json.loads(await asyncio.wait_for(process.stdout.readline(), LIMIT))
    except (asyncio.TimeoutError, ValueError):
        return {}


async def end(process):
    """Its media is gone from one moment to the next, as when somebody pulls a plug."""
    if process.returncode is None:
        process.kill()
    await process.wait()


def missing(client):
    """Why a client is not there, if it is not."""
    program = CLIENTS[client]["program"]
    if client == "GStreamer":
        probe = "import gi; gi.require_version('GstWebRTC', '1.0'); from gi.repository import Gst, GstWebRTC; Gst.init(None); import sys; sys.exit(not all(Gst.ElementFactory.find(name) for name in ('webrtcbin', 'nicesrc', 'vp8enc', 'x264enc', 'opusenc', 'rtph264pay', 'avdec_h264')))"
        if not os.path.exists(program[0]) or subprocess.run([program[0], "-c", probe], capture_output=True).returncode:
            return "not installed: `make interop` installs it"
    if program[0] == "node" and not os.path.isdir(f"{HERE}/node_modules"):
        return "not installed: `npm --prefix tests/interop ci`"
    return None


def table(cells, absent, act):
    """Markdown: clients down, codecs and transports across."""
    columns = [(codec, transport) for codec in CODECS for transport in TRANSPORTS]
    lines = ["| | " + " | ".join(f"{codec.replace('H264', 'H.264')}, {transport.upper()}" for codec, transport in columns) + " |", "|---|" + "---|" * len(columns)]
    notes = []
    for client in CLIENTS:
        if act not in CLIENTS[client]["acts"]:
            continue
        row = []
        for codec, transport in columns:
            found = [cell for cell in cells if (cell.client, cell.act, cell.codec, cell.transport) == (client, act, codec, transport)]
            if not found:
                row.append("not tried")
                notes.append(f"{client}: {absent.get(client, 'not asked for')}.") if client in absent else None
                continue
            cell = found[0]
            row.append({True: "yes", False: "**no**", None: "–"}[cell.right])
            if not cell.right:
                notes.append(f"{client}, {codec.replace('H264', 'H.264')} over {transport.upper()}: {cell.says}.")
        lines.append(f"| {client} | " + " | ".join(row) + " |")
    return "\n".join(lines + [""] + [f"- {note}" for note in dict.fromkeys(notes)])


async def main(dinh, loadtest, out, *names):
    wanted = names or tuple(CLIENTS)
    absent = {name: why for name in wanted if (why := missing(name))}
    for codec in CODECS:
        subprocess.run([sys.executable, f"{HERE}/clip.py", codec, f"{out}/clip.{codec}"], check=True)
    server = house.Server(dinh, out)
    house.start_proxy()
    begun = time.monotonic()
    cells = [Cell(name, act, codec, transport) for name in wanted if name not in absent for act in CLIENTS[name]["acts"] for codec in CODECS for transport in TRANSPORTS]
    gate = asyncio.Semaphore(BESIDE)

    async def run(cell):
        async with gate:
            await cell.run(server, out)
            mark = {True: "ok  ", False: "FAIL", None: "–   "}[cell.right]
            print(f"{mark} {cell.name}: {cell.says}", flush=True)

    try:
        await asyncio.gather(*(run(cell) for cell in cells))
    finally:
        server.stop()
    failure = await others.drive(loadtest, out)
    text = report(cells, absent, failure)
    with open(f"{out}/interop.md", "w") as file:
        file.write(text)
    print(f"\n{text}\n{time.monotonic() - begun:.0f} s; logs in {out}")
    return any(cell.right is False for cell in cells) or bool(failure)


def versions():
    import aiortc, av

    node = json.load(open(f"{HERE}/package.json"))["dependencies"]
    gst = shutil.which("gst-inspect-1.0")
    gst = subprocess.run([gst, "--version"], capture_output=True, text=True).stdout.split("\n")[0].split()[-1] if gst else "not there"
    return (f"aiortc {aiortc.__version__} and FFmpeg {av.ffmpeg_version_info} (PyPI), GStreamer {gst} (Debian), "
            f"libdatachannel by node-datachannel {node['node-datachannel']} and werift {node['werift']} (npm)")


def report(cells, absent, failure):
    return f"""# Who has been tried

Written by `make interop` (`tests/interop`). Each cell is a conference of its own on this machine: one publishes a picture of 320×180 at 15 a second and sound by WHIP, another watches by WHEP, and what came out of the decoder (of libdatachannel and werift, which have none: what arrived whole) is counted for {SECONDS:.0f} s. "Yes" is at least {ENOUGH} pictures and {ENOUGH} sounds.

Tried: {versions()}.

## As publisher, watched by aiortc

{table(cells, absent, "publish")}
- FFmpeg was given a certificate on curve P-256 (`cert_file`, `key_file`): the one that it makes by itself with GnuTLS is on P-224.

## As viewer of aiortc

{table(cells, absent, "watch")}

## The load test at a server of others

{failure or others.SAYS}
"""


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))
