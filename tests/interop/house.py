"""A server of its own for the matrix, and a way to it that lets one transport through."""
import http.client, http.server, json, os, re, subprocess, tempfile, threading, time, urllib.error, urllib.request

HTTP, ADMIN, MEDIA, PROXY = 7900, 7909, 7910, 7920
ADDRESS = "10.203.0.1"
SITES = "code,name,level,parent_code\nVN,Centre,central,\n01,Province,province,VN\n00004,Commune,commune,01\n"


class Server:
    """`dinh serve` with three sites; each cell has a conference of its own."""

    def __init__(self, dinh, out):
        self.dinh = dinh
        self.directory = tempfile.TemporaryDirectory(prefix="dinh-interop-")
        own = {
            "DINH_DATA_DIR": self.directory.name + "/data",
            "DINH_HTTP__LISTEN": f"127.0.0.1:{HTTP}",
            "DINH_ADMIN__LISTEN": f"127.0.0.1:{ADMIN}",
            "DINH_MEDIA__PORT": str(MEDIA),
            "DINH_MEDIA__SHARDS": "1",
        }
        self.env = {name: value for name, value in os.environ.items() if not name.startswith("DINH_")} | own
        self.log = open(f"{out}/server.log", "w")
        self.process = subprocess.Popen([dinh, "serve"], env=self.env, stdout=self.log, stderr=self.log, cwd=self.directory.name)
        for _ in range(200):
            time.sleep(0.1)
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{HTTP}/healthz", timeout=1)
                break
            except OSError:
                if self.process.poll() is not None:
                    raise SystemExit(f"the server did not start: see {out}/server.log")
        self.admin = self._command("token", "create", "--role", "admin", "--ttl", "1h")
        self._api("/sites/import", SITES.encode(), "text/csv")

    def conference(self, name):
        """A running conference; tokens for its hall and for a viewer."""
        self._api("/conferences", json.dumps({"id": name, "title": name}).encode(), "application/json")
        self._api(f"/conferences/{name}/start", b"", "application/json")
        token = lambda role, site: self._command("token", "create", "--conference", name, "--role", role, "--site", site)
        return token("hall", "VN"), token("site", "00004")

    def _command(self, *words):
        done = subprocess.run([self.dinh, *words], env=self.env, capture_output=True, text=True, cwd=self.directory.name)
        if done.returncode:
            raise SystemExit(f"dinh {' '.join(words)}: {done.stderr}")
        return done.stdout.strip()

    def _api(self, path, body, kind):
        headers = {"authorization": f"Bearer {self.admin}", "content-type": kind}
        request = urllib.request.Request(f"http://127.0.0.1:{HTTP}/api/v1{path}", data=body, headers=headers, method="POST")
        urllib.request.urlopen(request, timeout=10).close()

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
        self.directory.cleanup()


class Proxy(http.server.BaseHTTPRequestHandler):
    """Hands requests for `/udp/…` and `/tcp/…` on, and leaves the other transport's candidates out of the answer, so that a
    client can use no other; what it was refused with is kept by conference."""

    protocol_version = "HTTP/1.1"
    refusals = {}

    def log_message(self, *_):
        pass

    def _pass(self):
        _, transport, rest = self.path.split("/", 2)
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection", "accept-encoding")}
        upstream = http.client.HTTPConnection("127.0.0.1", HTTP, timeout=20)
        upstream.request(self.command, "/" + rest, body=body, headers=headers)
        answer = upstream.getresponse()
        text = answer.read()
        if answer.status == 201:
            other = "tcp" if transport == "udp" else "udp"
            text = re.sub(rb"a=candidate:\S+ \d+ " + other.encode() + rb" [^\r\n]*\r?\n", b"", text, flags=re.I)
        elif answer.status >= 400 and self.command == "POST":
            self.refusals[rest.split("/")[1].split("?")[0]] = refusal(answer.status, text)
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() == "location":
                value = f"/{transport}{value}" if value.startswith("/") else value
            if name.lower() not in ("content-length", "transfer-encoding", "connection", "date"):
                self.send_header(name, value)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_POST = do_PATCH = do_DELETE = do_OPTIONS = do_GET = _pass


def refusal(status, text):
    """What the server says when it refuses, in one line."""
    try:
        return f"refused with {status}: {json.loads(text)['message']}"
    except (ValueError, KeyError, TypeError):
        return f"refused with {status}: {text[:120].decode(errors='replace')}"


def start_proxy():
    proxy = http.server.ThreadingHTTPServer(("127.0.0.1", PROXY), Proxy)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
