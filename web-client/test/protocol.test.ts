import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type ClientMessage, decode, encode } from "../src/protocol.ts";

const CONTRACT = readFileSync(new URL("../../signaling/PROTOCOL.md", import.meta.url), "utf8");

/** The fenced examples of one side, by message type. */
function examples(side: "client" | "server"): Map<string, string> {
  const found = new Map<string, string>();
  for (const [, name, body] of CONTRACT.matchAll(new RegExp("```json " + side + " (\\w+)\\n(.*?)\\n```", "gs"))) {
    if (name !== undefined && body !== undefined) found.set(name, body);
  }
  return found;
}

/** One message of each type as this page sends it. A type that is missing here does not compile. */
const SENT: { readonly [T in ClientMessage["type"]]: Extract<ClientMessage, { type: T }> } = {
  join: { type: "join", protocol: 1, token: "eyJhbGciOiJFZERTQSJ9.e30.c2ln" },
  resume: {
    type: "resume",
    protocol: 1,
    session: "01JD8Y6Q0B3W5RZ1TQK8V4M2NC",
    secret: "mEwZ0Qx3m0yQ2w8hG6bq9w",
  },
  offer: {
    type: "offer",
    id: 1,
    sdp: "v=0\r\n",
    sources: { "0": "microphone", "1": "camera", "2": "screen" },
  },
  restartIce: { type: "restartIce", id: 2, sdp: "v=0\r\n" },
  watch: { type: "watch", id: 3, mid: "9", participant: "01JD8Y6Q0B9FJ3V2K7T5C4X1HE" },
  limit: { type: "limit", id: 14, layers: { "6": 2, "7": 0, "8": 0 } },
  publish: { type: "publish", id: 4, source: "screen", active: true },
  condition: { type: "condition", id: 14, microphone: "silent", camera: "off", mediaBlocked: false },
  requestFloor: { type: "requestFloor", id: 5 },
  withdrawFloor: { type: "withdrawFloor", id: 6 },
  yieldFloor: { type: "yieldFloor", id: 7 },
  speakHere: { type: "speakHere", id: 15 },
  grantFloor: { type: "grantFloor", id: 8, participant: "01JD8Y6Q0B9FJ3V2K7T5C4X1HE", instead: null },
  revokeFloor: { type: "revokeFloor", id: 9, participant: "01JD8Y6Q0B9FJ3V2K7T5C4X1HE" },
  setStage: { type: "setStage", id: 10, place: "main", participant: "01JD8Y6Q0B9FJ3V2K7T5C4X1HE" },
  mute: { type: "mute", id: 11, participant: "01JD8Y6Q0B9FJ3V2K7T5C4X1HE", muted: true, soundOnly: true },
  remove: { type: "remove", id: 12, participant: "01JD8Y6Q0B9FJ3V2K7T5C4X1HE" },
  readmit: { type: "readmit", id: 13, participant: "01JD8Y6Q0B9FJ3V2K7T5C4X1HE" },
  quality: { type: "quality", concealedPermille: 12, frozenPermille: 0, delayMilliseconds: 180 },
  ping: { type: "ping" },
  leave: { type: "leave" },
};

describe("the contract", () => {
  it("has an example of every message that this page sends, and this page knows every one", () => {
    expect([...examples("client").keys()].sort()).toEqual(Object.keys(SENT).sort());
  });

  it.each(Object.values(SENT))("writes $type exactly as in the contract", (message) => {
    const golden: unknown = JSON.parse(examples("client").get(message.type) ?? "null");
    expect(JSON.parse(encode(message))).toEqual(golden);
  });

  it.each([...examples("server")])("reads the server's %s without losing a field", (type, golden) => {
    const message = decode(golden);
    expect(message?.type).toBe(type);
    expect(message).toEqual(JSON.parse(golden));
  });

  it("covers every message of the server", () => {
    const known = [
      "welcome", "answer", "floor", "stage", "self", "presence", "conference",
      "roster", "provinces", "participants", "barred", "trouble", "undecodable", "line", "wanted", "ok", "error", "closing", "pong",
    ];
    expect([...examples("server").keys()].sort()).toEqual(known.sort());
  });
});

describe("decode", () => {
  it("ignores types and fields of a newer server", () => {
    expect(decode('{"type":"vote","version":3}')).toBeNull();
    expect(decode('{"type":"ok","id":3,"later":true}')).toMatchObject({ type: "ok", id: 3 });
    expect(decode('{"type":"toString"}')).toBeNull();
  });

  it.each([
    "", "not json", "null", "[]", "7", '{"id":1}', '{"type":"ok"}', '{"type":"ok","id":"1"}',
    '{"type":"floor","version":1,"holder":3,"waiting":0,"queue":[]}',
    '{"type":"participants","version":1,"full":true,"changes":null}',
  ])("drops the broken frame %j", (frame) => {
    expect(decode(frame)).toBeNull();
  });

  it("drops a binary frame", () => {
    expect(decode(new ArrayBuffer(4))).toBeNull();
  });
});
