#!/usr/bin/env python3
"""What the office's pages cost with 150,000 accounts, 5,000 bookings and 50,000 sites.

Usage: bench-office.py DINH FILL_OFFICE DIRECTORY

Fills a store, starts the server on it, and asks for the first part of every list and for every page of the
office, one after the other: how long until the whole answer is here, how much of it went over the wire, and
how much memory the server holds. Ends with 1 when a bar is missed.

Variables: TIMES (how often each is asked for), STORE=postgres (on a PostgreSQL of its own), KEEP=1 (leaves what
was filled for the next run), and those of `fill-office`: ACCOUNTS, BOOKINGS, SITES.
"""

import datetime
import gzip
import http.client
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

# Longest until a first answer, largest part of a list, most memory of a server that nobody asks.
BAR_MS, BAR_LIST, BAR_RSS = 200, 100_000, 200_000_000

TIMES = int(os.environ.get("TIMES") or 20)
STARTS_WITHIN = 60


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Office:
    """The server, and whoever asks it."""

    def __init__(self, dinh, fill, directory):
        self.dinh, self.directory = dinh, directory
        self.postgres = None
        self.port = free_port()
        self.environment = dict(
            os.environ,
            DINH_DATA_DIR=str(directory / "data"),
            DINH_HTTP__LISTEN=f"127.0.0.1:{self.port}",
            DINH_ADMIN__LISTEN="127.0.0.1:0",
            DINH_MEDIA__BIND="127.0.0.1",
            DINH_MEDIA__ADVERTISE='["127.0.0.1"]',
            DINH_MEDIA__PORT="0",
        )
        if os.environ.get("STORE") == "postgres":
            self.environment["DINH_STORE__URL"] = self.start_postgres()
        self.filled = self.fill(fill)
        self.log = open(directory / "server.log", "w")
        self.process = subprocess.Popen([dinh, "serve"], env=self.environment, stdout=self.log, stderr=self.log)
        self.await_health()
        token = subprocess.run(
            [dinh, "token", "create", "--role", "admin"], env=self.environment, check=True, capture_output=True, text=True
        )
        self.admin = {"Authorization": f"Bearer {token.stdout.strip()}"}
        self.provincial = {"Cookie": f"dinh={self.filled['cookieOfAProvince']}"}

    def start_postgres(self):
        script = Path(__file__).resolve().parents[2] / "tests" / "postgres"
        self.postgres = subprocess.Popen([script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        _, port = self.postgres.stdout.readline().split()
        return f"postgres://dinh@127.0.0.1:{port}/postgres?sslmode=disable"

    def analyze(self):
        """What a server of PostgreSQL does by itself within a minute: without it the plans of its queries are guesses."""
        print("analyze", file=self.postgres.stdin, flush=True)
        assert self.postgres.stdout.readline() == "done\n"

    def fill(self, program):
        said = self.directory / "filled.json"
        if not said.exists():
            began = time.monotonic()
            filled = subprocess.run([program], env=self.environment, check=True, stdout=subprocess.PIPE, text=True)
            print(f"filled in {time.monotonic() - began:.0f} s", flush=True)
            if self.postgres:
                self.analyze()
            said.write_text(filled.stdout)
        return json.loads(said.read_text())

    def await_health(self):
        until = time.monotonic() + STARTS_WITHIN
        while True:
            try:
                if self.get("/healthz", token=None)[0] == 200:
                    return
            except OSError:
                pass
            if time.monotonic() > until or self.process.poll() is not None:
                sys.exit(f"the server does not start: see {self.log.name}")
            time.sleep(0.05)

    def get(self, path, token):
        """Status, headers, bytes of the body as they came, seconds until the last of them and until the first."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Accept-Encoding": "gzip, br"}
        if token:
            headers |= token
        connection.connect()
        began = time.perf_counter()
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        first = time.perf_counter() - began
        body = answer.read()
        took = time.perf_counter() - began
        connection.close()
        return answer.status, answer.headers, body, took, first

    def json(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", path, headers=self.admin)
        return json.loads(connection.getresponse().read())

    def publish(self):
        """Publishes the draft that invites everybody, where an earlier run has not; somebody else asks meanwhile."""
        booking = self.json(f"/api/v1/bookings/{self.filled['draft']}")
        if booking["state"] != "draft":
            return
        waited, is_over = [], threading.Event()
        other = threading.Thread(target=self.ask_until, args=(is_over, waited))
        other.start()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        headers = self.admin | {"Content-Type": "application/json"}
        body = json.dumps({"version": booking["version"]})
        began = time.perf_counter()
        connection.request("POST", f"/api/v1/bookings/{booking['id']}/publish", body, headers)
        answer = connection.getresponse()
        published = json.loads(answer.read())
        took = time.perf_counter() - began
        is_over.set()
        other.join()
        assert answer.status == 200, published
        longest = f"; meanwhile the home was there within {max(waited) * 1000:.0f} ms, {len(waited)} times" if waited else ""
        print(f"published to {published['invited']:,} sites in {took:.1f} s{longest}", flush=True)

    def ask_until(self, is_over, waited):
        """Asks for today's bookings, one time after the other, and notes how long each took."""
        now = datetime.datetime.now(datetime.timezone.utc)
        today = f"/api/v1/bookings?from={now:%Y-%m-%dT00:00:00Z}&to={now + datetime.timedelta(days=1):%Y-%m-%dT00:00:00Z}"
        while not is_over.is_set():
            status, _, _, took, _ = self.get(today, self.admin)
            assert status == 200, status
            waited.append(took)
            is_over.wait(0.02)

    def rss(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.log.close()
        if self.postgres:
            self.postgres.stdin.close()
            self.postgres.wait()


def lists(office):
    """The first part of each list, as the office's pages ask for it, page by page."""
    usual, training, published = (office.filled[which] for which in ("usual", "training", "draft"))
    now = datetime.datetime.now(datetime.timezone.utc)
    moment = lambda days: (now + datetime.timedelta(days=days)).strftime("%Y-%m-%dT00:00:00Z")
    month = f"from={moment(-5)}&to={moment(30)}"
    person = office.json("/api/v1/accounts?limit=1")[0]["id"]
    asked = {
        # The home: today and the year, and below how it stands with the bookings of the next two weeks.
        "who is logged in": "login",
        "bookings of today": f"bookings?from={moment(0)}&to={moment(1)}",
        "bookings of the year": f"bookings?from={now.year}-01-01T00:00:00Z&to={now.year + 1}-01-15T00:00:00Z",
        # The schedule, and its form.
        "bookings of a week": f"bookings?from={moment(-1)}&to={moment(6)}",
        "bookings of a month": f"bookings?{month}",
        "bookings of late, to invite again": f"bookings?from={moment(-120)}&to={moment(0)}",
        "people who may lead": "accounts",
        "sites, a name is searched for by the form": "sites?limit=8&search=truong",
        "sites, a name that none has": "sites?limit=8&search=xyzzy",
        "provinces": "sites?level=province&limit=1000",
        "sites below one, of the form": "sites?limit=1000&parent=01",
        "groups of sites": "sites/groups",
        # The directory.
        "sites": "sites?limit=1000",
        "sites, from the middle": "sites?limit=1000&after=S20000",
        "sites below one": "sites?limit=200&parent=01",
        "sites, a name is searched for": "sites?limit=200&search=truong",
        "one site": f"sites/{office.filled['site']}",
        # People, who is in, what was done.
        "accounts": "accounts?limit=100",
        "accounts, a name is searched for": "accounts?limit=100&query=nguyen+thi+an",
        "accounts, a name that nobody has": "accounts?limit=100&query=xyzzy",
        "accounts of a role": "accounts?limit=100&role=auditor",
        "logins": "logins?limit=100",
        "logins of an account": f"logins?limit=100&account={person}",
        "acts": "acts?limit=100",
        "acts of an account": f"acts?limit=100&account={person}",
        "letters": "letters",
        # For programs.
        "conferences": "conferences",
        "events": "events",
        "mail": "mail",
        "mail that was refused": "mail?state=refused",
        "mail, how much of it stands how": "mail/summary",
        "webhooks": "webhooks",
        "checks": "checks?limit=200",
        "tokens": "tokens?limit=200",
    }
    # The page of a booking.
    for called, booking in (("usual", usual), ("training", training), ("just published", published)):
        of = f"bookings/{booking}"
        asked |= {
            f"invitations, how many, {called}": f"{of}/invitations/summary",
            f"invitations, {called}": f"{of}/invitations",
            f"invitations that were refused, {called}": f"{of}/invitations?state=refused",
            f"invitations, the last, {called}": f"{of}/invitations?after=S40000",
            f"invitations of a province, {called}": f"{of}/invitations?province={office.filled['largestProvince']}",
            f"booking, {called}": of,
            f"audience, {called}": f"{of}/audience",
            f"conflicts, {called}": f"{of}/conflicts",
            f"readiness, {called}": f"{of}/readiness",
            f"readiness of sites, {called}": f"{of}/readiness/sites?limit=40",
        }
    return {called: f"/api/v1/{path}" for called, path in asked.items()}


def lists_of_a_province(office):
    """The same, as a provincial operator sees it."""
    seen = ("who", "bookings", "sites", "booking,", "audience", "readiness")
    asked = {called: path for called, path in lists(office).items() if called.startswith(seen)}
    return {f"{called} (province)": path for called, path in asked.items()}


def sheets(office):
    """What is printed: of the largest province, whose first byte is waited for."""
    booking, province = office.filled["usual"], office.filled["largestProvince"]
    return {"sheet of the largest province": f"/api/v1/bookings/{booking}/sheets/{province}?language=vi"}


def pages(office):
    """The office's pages, the one of whoever is invited, what it asks, and all that they load at once."""
    code = office.filled["invitation"]
    asked = {
        "an invitation": f"/api/v1/invitation/{code}",
        "an invitation for a calendar": f"/api/v1/invitation/{code}/calendar.ics",
    }
    for called, path in (("page of the office", "/office"), ("page of an invitation", "/m/0000-0000-0000-0000")):
        asked[called] = path
        html = office.get(path, token=None)[2]
        encoded = office.get(path, token=None)[1].get("Content-Encoding")
        if encoded == "gzip":
            html = gzip.decompress(html)
        elif encoded:
            connection = http.client.HTTPConnection("127.0.0.1", office.port, timeout=60)
            connection.request("GET", path)
            html = connection.getresponse().read()
        for asset in re.findall(r'(?:src|href)="(/assets/[^"]+)"', html.decode()):
            asked.setdefault(asset.removeprefix("/assets/"), asset)
    return asked


def measure(office, called, path, token, is_printed=False):
    took, sizes = [], []
    for _ in range(TIMES):
        status, _, body, seconds, first = office.get(path, token)
        if status in (401, 403, 404) and token:
            return None
        if status != 200:
            sys.exit(f"{path}: {status}: {body[:300]}")
        took.append((first if is_printed else seconds) * 1000)
        sizes.append(len(body))
    return called, statistics.median(took), max(took), max(sizes)


def main():
    dinh, fill, directory = (Path(argument).absolute() for argument in sys.argv[1:4])
    if not os.environ.get("KEEP"):
        shutil.rmtree(directory, ignore_errors=True)
    (directory / "data").mkdir(parents=True, exist_ok=True)
    office = Office(dinh, fill, directory)
    try:
        ends_well = judge(office)
    finally:
        office.stop()
        if not os.environ.get("KEEP"):
            shutil.rmtree(directory / "data")
    sys.exit(0 if ends_well else 1)


def judge(office):
    office.publish()
    # The first turns of its tasks are over, and somebody who has published goes to the page of invitations.
    time.sleep(5)
    idle = office.rss()
    filled = {what: f"{count:,} {what}" for what, count in office.filled.items() if isinstance(count, int)}
    print(f"load of the machine: {os.getloadavg()[0]:.1f}; {', '.join(filled.values())}")
    print(f"| {'first answer of':<40} | p50 ms | max ms | bytes on the wire | |\n|---|---|---|---|---|")
    missed = []
    asked = [(called, path, office.admin) for called, path in lists(office).items()]
    asked += [(called, path, office.provincial) for called, path in lists_of_a_province(office).items()]
    asked += [(called, path, office.admin) for called, path in sheets(office).items()]
    asked += [(called, path, None) for called, path in pages(office).items()]
    printed = sheets(office)
    for called, path, token in asked:
        is_list = token is not None and called not in printed
        found = measure(office, called, path, token, is_printed=called in printed)
        if found is None:
            print(f"| {called:<40} | | | | this server has none |")
            continue
        _, middle, longest, size = found
        is_missed = longest > BAR_MS or is_list and size > BAR_LIST
        if is_missed:
            missed.append(called)
        print(f"| {called:<40} | {middle:.1f} | {longest:.1f} | {size:,} | {'missed' if is_missed else ''} |", flush=True)
    after = office.rss()
    time.sleep(15)
    settled = office.rss()
    mebibytes = lambda octets: f"{octets / 2**20:.0f} MiB"
    print(f"resident memory: {mebibytes(idle)} idle, {mebibytes(after)} after {TIMES} of each, {mebibytes(settled)} 15 s later")
    for called, octets in (("idle memory", idle), ("memory 15 s after", settled)):
        if octets > BAR_RSS:
            missed.append(called)
    print(f"missed: {', '.join(missed)}" if missed else "no bar is missed")
    return not missed


if __name__ == "__main__":
    main()
