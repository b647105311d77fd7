// What the clients in Node share: the clip as RTP, and counting pictures that arrived whole.

import { readFileSync } from "node:fs";

const RATE = 15;

/** Payloads of a clip made by clip.py, by picture. */
function read(path) {
  const bytes = readFileSync(path);
  const pictures = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    const number = bytes.readUInt32BE(at + 4);
    (pictures[number] ??= []).push(bytes.subarray(at + 9, at + 9 + length));
    at += 9 + length;
  }
  return pictures;
}

/** An RTP packet without extensions. */
function packet({ type, sequence, time, ssrc, marker }, payload) {
  const header = Buffer.alloc(12);
  header[0] = 0x80;
  header[1] = (marker ? 0x80 : 0) | type;
  header.writeUInt16BE(sequence & 0xffff, 2);
  header.writeUInt32BE(time >>> 0, 4);
  header.writeUInt32BE(ssrc, 8);
  return Buffer.concat([header, payload]);
}

/** Sends the clip again and again, and silence beside it; `send` takes "video" or "audio" and a packet. */
export function play(path, { video, audio }, send) {
  const pictures = read(path);
  let [picture, sequence, sound] = [0, 1_000, 0];
  const opus = Buffer.from([0xf8, 0xff, 0xfe]);
  setInterval(() => {
    const payloads = pictures[picture % pictures.length];
    const time = picture * (90_000 / RATE);
    payloads.forEach((payload, index) => {
      send("video", packet({ ...video, sequence: sequence++, time, marker: index === payloads.length - 1 }, payload));
    });
    picture += 1;
  }, 1_000 / RATE);
  setInterval(() => {
    send("audio", packet({ ...audio, sequence: sound, time: sound * 960, marker: false }, opus));
    sound += 1;
  }, 20);
}

/** Counts pictures whose packets all came in order, and packets of sound. */
export class Counter {
  video = 0;
  audio = 0;
  #next;
  #whole = false;

  note(kind, rtp) {
    if (kind === "audio") {
      this.audio += 1;
      return;
    }
    const sequence = rtp.readUInt16BE(2);
    if (this.#next !== undefined && sequence !== this.#next) this.#whole = false;
    this.#next = (sequence + 1) & 0xffff;
    if ((rtp[1] & 0x80) === 0) return;
    if (this.#whole) this.video += 1;
    this.#whole = true;
  }
}

export async function post(url, token, sdp) {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/sdp" };
  const response = await fetch(url, { method: "POST", headers, body: sdp });
  const text = await response.text();
  if (response.status !== 201) throw new Error(`${response.status} ${text}`);
  return text;
}

/** One line for the matrix. */
export const say = (state) => console.log(JSON.stringify(state));

export const wait = (seconds) => new Promise((resume) => setTimeout(resume, 1_000 * seconds));
