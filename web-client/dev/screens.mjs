// Photographs every page in both languages at three sizes, against the mock server and a make-believe peer connection.
// node dev/screens.mjs OUTPUT_DIR [name filter]

import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import axe from "axe-core";
import { chromium } from "playwright-core";
import { operatorPages } from "./screens-operator.mjs";

import { STATES } from "./states.mjs";

const OUT = process.argv[2] ?? "screens";
const ONLY = process.argv[3] ?? "";
/** One for each run: several may go on at the same time. */
const PORT = 20_000 + (process.pid % 20_000);
const SIZES = [
  ["tiny", 320, 480],
  ["phone", 360, 640],
  ["low", 640, 360],
  ["laptop", 1366, 768],
  ["desk", 1920, 1080],
  ["wall", 3840, 2160],
].filter(([size]) => (process.env.SIZES ?? size).split(",").includes(size));
const LANGUAGES = (process.env.LANGUAGES ?? "vi,en").split(",");
/** Beside the usual look: what the system may ask for. */
const LOOKS = { dark: { colorScheme: "dark" }, forced: { forcedColors: "active" } };
const LOOK = LOOKS[process.env.LOOK] ?? {};

mkdirSync(OUT, { recursive: true });

/** Runs in the page: a connection that needs no network and shows drawn pictures. */
function makeBelieve() {
  function drawn(kind, index) {
    if (kind === "audio") return new AudioContext().createMediaStreamDestination().stream.getTracks()[0];
    const canvas = Object.assign(document.createElement("canvas"), { width: 1280, height: 720 });
    const pen = canvas.getContext("2d");
    const hues = [215, 150, 40, 280, 350];
    setInterval(() => {
      const hue = hues[index % hues.length];
      const back = pen.createLinearGradient(0, 0, 0, 720);
      back.addColorStop(0, `hsl(${hue} 35% 38%)`);
      back.addColorStop(1, `hsl(${hue} 40% 18%)`);
      pen.fillStyle = back;
      pen.fillRect(0, 0, 1280, 720);
      pen.fillStyle = `hsl(${hue} 30% 70%)`;
      pen.beginPath();
      pen.arc(640, 300, 120, 0, 7);
      pen.ellipse(640, 700, 260, 240, 0, 0, 7);
      pen.fill();
    }, 100);
    return canvas.captureStream(10).getVideoTracks()[0];
  }
  globalThis.__tracks = [];
  const { mediaDevices } = navigator;
  const open = mediaDevices.getUserMedia.bind(mediaDevices);
  mediaDevices.getUserMedia = async (wanted) => {
    if (globalThis.__denies) throw new DOMException("Permission denied", "NotAllowedError");
    const stream = wanted.audio && globalThis.__isMuteMachine ? new AudioContext().createMediaStreamDestination().stream : await open(wanted);
    globalThis.__tracks.push(...stream.getTracks());
    return stream;
  };
  let videos = 0;
  globalThis.RTCPeerConnection = class extends EventTarget {
    iceConnectionState = "new";
    connectionState = "new";
    localDescription = null;
    lines = [];
    addTransceiver(kind, { direction }) {
      const mid = String(this.lines.length);
      const index = direction === "recvonly" && kind === "video" ? videos++ : 0;
      const line = {
        kind,
        direction,
        mid,
        sender: { replaceTrack: () => Promise.resolve(), getParameters: () => ({ encodings: [] }) },
        receiver: { track: direction === "recvonly" ? drawn(kind, index) : null },
      };
      this.lines.push(line);
      return line;
    }
    createOffer() {
      const sdp = this.lines.map(({ kind, mid, direction }) => `m=${kind}\r\na=mid:${mid}\r\na=${direction}\r\n`).join("");
      return Promise.resolve({ type: "offer", sdp });
    }
    setLocalDescription(offer) {
      this.localDescription = offer;
      return Promise.resolve();
    }
    setRemoteDescription() {
      if (globalThis.__isBlocked) return Promise.resolve();
      this.iceConnectionState = this.connectionState = "connected";
      setTimeout(() => this.dispatchEvent(new Event("iceconnectionstatechange")), 0);
      return Promise.resolve();
    }
    getStats() {
      return Promise.resolve(new Map());
    }
    restartIce() {}
    close() {}
  };
}

const text = (claims) => `e30.${Buffer.from(JSON.stringify({ conf: "01JD8XZ3N7", ...claims })).toString("base64url")}.mock`;
const click = (words) => (page) => page.getByRole("button", { name: words }).first().click();
const site = { role: "site", site: "00004" };
const steps =
  (...list) =>
  async (page) => {
    for (const step of list) await step(page);
  };
const pause = (ms) => (page) => page.waitForTimeout(ms);
const JOIN = /Vào xem|Join and watch|Vào hội nghị|Join the conference/;

/** Name, path, claims, what to do before the picture is taken. */
const PAGES = [
  ["check-site", "/site", site, pause(300)],
  ["check-site-devices", "/site", site, steps(click(/Thử camera|Try camera/), pause(1200))],
  ["check-hall", "/hall", { role: "hall" }, pause(1200)],
  ["site", "/site", site, steps(click(JOIN), pause(1500))],
  ["site-waiting", "/site", { ...site, site: "00008" }, steps(click(JOIN), click(/Xin phát biểu|Ask for the floor/), pause(1500))],
  ["hall", "/hall", { role: "hall" }, steps(click(JOIN), pause(1800))],
  ...operatorPages({ click, pause, steps }),
  ["chair", "/operator", { role: "chair" }, steps(click(JOIN), pause(1500))],
  ["observer", "/observer", { role: "observer" }, steps(click(JOIN), pause(1200))],
  ["holding", "/site", { ...site, site: "00025" }, steps(click(JOIN), click(/Xin phát biểu|Ask for the floor/), pause(600), grant("P-00025"), pause(1800))],
  ["screen", "/hall", { role: "hall" }, steps(click(JOIN), pause(800), click(/Chia sẻ|Share/), pause(1500))],
  ["expired", "/site", { ...site, refuse: "token_expired" }, pause(600)],
  ["conference-full", "/site", { ...site, refuse: "conference_full", close: 4011 }, steps(click(JOIN), pause(600))],
  ["server-full", "/site", { ...site, refuse: "server_full", close: 4012 }, steps(click(JOIN), pause(600))],
  ["overloaded", "/site", { ...site, refuse: "overloaded", close: 4013 }, steps(click(JOIN), pause(600))],
  ["no-token", "/", null, pause(300)],
  ["left", "/site", site, steps(click(JOIN), pause(500), click(/Rời|Leave/), pause(300))],
  ["reconnecting", "/site", { ...site, site: "00070" }, steps(click(JOIN), pause(900), (page) => page.context().setOffline(true), lose, pause(900))],
];

/** Grants the floor as a second, silent operator would. */
function grant(participant) {
  return (page) =>
    page.evaluate(
      ([token, id]) =>
        new Promise((done) => {
          const socket = new WebSocket(`ws://${location.host}/ws`);
          socket.onopen = () => socket.send(JSON.stringify({ type: "join", protocol: 1, token }));
          socket.onmessage = ({ data }) => {
            if (JSON.parse(data).type === "welcome") socket.send(JSON.stringify({ type: "grantFloor", id: 1, participant: id }));
            if (JSON.parse(data).type === "ok") done();
          };
        }),
      [text({ role: "operator" }), participant],
    );
}

/** Opens the same session elsewhere and at once leaves it: the page is told that its line is gone. */
async function lose(page) {
  await page.evaluate(() => globalThis.__sockets.forEach((socket) => socket.dispatchEvent(new CloseEvent("close", { code: 1006 }))));
}

/** Prints what axe finds on the page as it is. */
async function judge(page, file) {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => globalThis.axe.run({ resultTypes: ["violations"] }));
  for (const { id, impact, nodes } of violations) {
    console.log(file, "AXE", id, impact, nodes.slice(0, 3).map(({ target }) => target.join(" ")).join(" | "));
  }
}

const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: [
    "--no-sandbox",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--auto-select-desktop-capture-source=Entire screen",
  ],
});

for (const [size, width, height] of SIZES) {
  for (const language of LANGUAGES) {
    const server = spawn(process.execPath, [fileURLToPath(new URL("mock-server.mjs", import.meta.url)), String(PORT)], {
      env: { ...process.env, MOCK_QUEUE: "1" },
      stdio: ["ignore", "pipe", "inherit"],
    });
    await new Promise((ready) => server.stdout.once("data", ready));
    for (const [name, path, claims, act] of [...PAGES, ...STATES]) {
      const file = `${name}-${size}-${language}`;
      if (!file.includes(ONLY)) continue;
      const context = await browser.newContext({ viewport: { width, height }, ...LOOK });
      await context.addInitScript((flags) => Object.assign(globalThis, flags), claims?.flags ?? {});
      await context.addInitScript(makeBelieve);
      await context.addInitScript((chosen) => {
        localStorage.setItem("dinh.language", chosen);
        globalThis.__sockets = [];
        globalThis.__fixed = new Set();
        const Real = WebSocket;
        globalThis.WebSocket = class extends Real {
          constructor(...args) {
            super(...args);
            // What a state of the gallery says holds, whatever the make-believe server says later.
            this.addEventListener("message", (event) => {
              if (event.isTrusted && globalThis.__fixed.has(JSON.parse(event.data).type)) event.stopImmediatePropagation();
            });
            globalThis.__sockets.push(this);
          }
        };
      }, language);
      const page = await context.newPage();
      page.on("pageerror", (error) => console.log(file, "ERROR", error.message));
      page.on("console", (line) => {
        if (line.type() === "error" || line.type() === "warning") console.log(file, line.text());
      });
      await page.goto(`http://127.0.0.1:${PORT}${path}${claims === null ? "" : `#token=${text(claims)}`}`);
      try {
        page.setDefaultTimeout(4000);
        await act(page);
      } catch (error) {
        console.log(file, "FAILED", error.message.split("\n")[0]);
      }
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (wide > 0) console.log(file, `scrolls sideways by ${wide} px`);
      await page.screenshot({ path: `${OUT}/${file}${process.env.LOOK ? `-${process.env.LOOK}` : ""}.png` });
      await judge(page, file);
      await context.close();
    }
    server.kill();
  }
}
await browser.close();
