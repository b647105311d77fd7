#!/usr/bin/env python3
"""How soon the letters of a whole country are with the mail server.

Usage: bench-mail.py DINH DIRECTORY

Starts a server with the sites of Viet Nam, each with an address, invites all of them to one conference, and takes
what it sends on loopback: how long until the last letter, what that costs, and whether one is missing or came twice.
Ends with 1 when a bar is missed.

Variables: STORE=postgres (on a PostgreSQL of its own).
"""

import asyncio
import collections
import csv
import http.client
import io
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

# Longest until all are handed over, and most memory meanwhile.
BAR_SECONDS, BAR_RSS = 30, 200_000_000

STARTS_WITHIN = 60
TREE = Path(__file__).resolve().parents[2]
SITES = TREE / "signaling" / "data" / "sites-vn-2025.csv"


class Sink:
    """An SMTP server that takes everything, and counts it by Message-ID."""

    def __init__(self):
        self.came = collections.Counter()
        self.octets = 0
        self.connections = 0
        self.last = None
        self.loop = asyncio.new_event_loop()
        started = threading.Event()
        threading.Thread(target=self.run, args=(started,), daemon=True).start()
        started.wait()

    def run(self, started):
        async def serve():
            server = await asyncio.start_server(self.client, "127.0.0.1", 0, limit=2**20)
            self.port = server.sockets[0].getsockname()[1]
            started.set()
            await server.serve_forever()

        self.loop.run_until_complete(serve())

    async def client(self, reader, writer):
        self.connections += 1
        writer.write(b"220 sink\r\n")
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"EHLO":
                writer.write(b"250-sink\r\n250 8BITMIME\r\n")
            elif verb == b"DATA":
                writer.write(b"354 go on\r\n")
                mail = await reader.readuntil(b"\r\n.\r\n")
                self.came[re.search(rb"^Message-ID: (\S+)", mail, re.M)[1]] += 1
                self.octets += len(mail)
                self.last = time.monotonic()
                writer.write(b"250 taken\r\n")
            elif verb == b"QUIT":
                writer.write(b"221 bye\r\n")
                break
            else:
                writer.write(b"250 well\r\n")
        writer.close()


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Server:
    def __init__(self, dinh, directory, sink):
        self.port = free_port()
        self.postgres = None
        self.environment = dict(
            os.environ,
            DINH_DATA_DIR=str(directory / "data"),
            DINH_HTTP__LISTEN=f"127.0.0.1:{self.port}",
            DINH_ADMIN__LISTEN="127.0.0.1:0",
            DINH_MEDIA__BIND="127.0.0.1",
            DINH_MEDIA__ADVERTISE='["127.0.0.1"]',
            DINH_MEDIA__PORT="0",
            DINH_MAIL__HOST="127.0.0.1",
            DINH_MAIL__PORT=str(sink.port),
            DINH_MAIL__TLS="none",
            DINH_MAIL__FROM="Văn phòng <hop@example.vn>",
            # As many as it can.
            DINH_MAIL__PER_MINUTE="60000",
        )
        if os.environ.get("STORE") == "postgres":
            self.postgres = subprocess.Popen([TREE / "tests" / "postgres"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            _, port = self.postgres.stdout.readline().split()
            self.environment["DINH_STORE__URL"] = f"postgres://dinh@127.0.0.1:{port}/postgres?sslmode=disable"
        self.log = open(directory / "server.log", "w")
        self.process = subprocess.Popen([dinh, "serve"], env=self.environment, stdout=self.log, stderr=self.log)
        self.headers = {}
        until = time.monotonic() + STARTS_WITHIN
        while not self.is_healthy():
            if time.monotonic() > until or self.process.poll() is not None:
                sys.exit(f"the server does not start: see {self.log.name}")
            time.sleep(0.05)
        token = subprocess.run([dinh, "token", "create", "--role", "admin"], env=self.environment, check=True, capture_output=True, text=True)
        self.headers = {"Authorization": f"Bearer {token.stdout.strip()}"}

    def is_healthy(self):
        try:
            return self.request("GET", "/healthz")[0] == 200
        except OSError:
            return False

    def request(self, method, path, body=None, kind="application/json"):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        connection.request(method, path, body, self.headers | {"Content-Type": kind})
        answer = connection.getresponse()
        return answer.status, answer.read()

    def ask(self, method, path, body=None, **kind):
        sent = json.dumps(body) if isinstance(body, dict) else body
        status, answer = self.request(method, f"/api/v1{path}", sent, **kind)
        if status >= 300:
            sys.exit(f"{method} {path}: {status}: {answer[:300]}")
        return json.loads(answer)

    def cpu_seconds(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak(self):
        return int(re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{self.process.pid}/status").read_text())[1]) * 1024

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.log.close()
        if self.postgres:
            self.postgres.stdin.close()
            self.postgres.wait()


def list_of_sites():
    """The sites of the country, each with an address; how many they are."""
    rows = list(csv.reader(SITES.read_text().splitlines()))
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(rows[0] + ["contact_name", "contact_phone", "contact_email"])
    writer.writerows(row + ["Nguyễn Văn An", "024 3825 4321", f"x{row[0].lower()}@xa.example.vn"] for row in rows[1:])
    return out.getvalue(), len(rows) - 1


def judge(server, sink):
    sites, count = list_of_sites()
    server.ask("POST", "/sites/import", sites.encode(), kind="text/csv")
    items = [{"title": f"Nội dung {number} của cuộc họp", "minutes": 15} for number in range(1, 7)]
    booking = server.ask("POST", "/bookings", {
        "title": "Hội nghị trực tuyến toàn quốc", "startsAtLocal": "2090-01-02T08:00:00", "zone": "Asia/Ho_Chi_Minh",
        "durationMinutes": 90, "hall": "VN", "chair": {"name": "Nguyễn Văn An"}, "audience": {"all": True}, "agenda": items,
    })
    of = f"/bookings/{booking['id']}"
    server.ask("POST", f"{of}/publish", {"version": booking["version"]})
    cpu, began = server.cpu_seconds(), time.monotonic()
    queued = server.ask("POST", f"{of}/invitations/send", {"states": ["notSent"]})["queued"]
    asked = time.monotonic() - began
    while True:
        summary = server.ask("GET", "/mail/summary")
        if summary["waiting"] + summary["sending"] == 0:
            break
        time.sleep(0.2)
    took = sink.last - began
    cpu = server.cpu_seconds() - cpu
    twice = sum(1 for times in sink.came.values() if times > 1)
    print(f"load of the machine: {os.getloadavg()[0]:.1f}; {count:,} sites, {queued:,} letters of {sink.octets // max(1, queued):,} bytes")
    print(f"queued after {asked:.1f} s, the last with the mail server after {took:.1f} s, on {sink.connections} connections")
    print(f"CPU of the server: {1000 * cpu / max(1, queued):.1f} ms a letter; most memory: {server.peak() / 2**20:.0f} MiB")
    missed = []
    if queued != count or summary["sent"] != count or len(sink.came) != count or twice:
        missed.append(f"{len(sink.came):,} letters came of {count:,}, {twice} of them more than once: {summary}")
    if took > BAR_SECONDS:
        missed.append(f"more than {BAR_SECONDS} s")
    if server.peak() > BAR_RSS:
        missed.append("memory")
    print(f"missed: {', '.join(missed)}" if missed else "no bar is missed")
    return not missed


def main():
    dinh, directory = (Path(argument).absolute() for argument in sys.argv[1:3])
    shutil.rmtree(directory, ignore_errors=True)
    (directory / "data").mkdir(parents=True)
    sink = Sink()
    server = Server(dinh, directory, sink)
    try:
        ends_well = judge(server, sink)
    finally:
        server.stop()
        shutil.rmtree(directory / "data")
    sys.exit(0 if ends_well else 1)


if __name__ == "__main__":
    main()
