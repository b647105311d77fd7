import { beforeEach, describe, expect, it, vi } from "vitest";
import { forwardable, PeerLink, type PeerOptions, remoteDescriptionsSet } from "../src/peer.ts";
import type { Answer } from "../src/protocol.ts";
import { RequestError } from "../src/signaling.ts";
import { FakeConnection, FakeTrack } from "./fakes/connection.ts";

const SITE = { sends: true, watchSlots: 0 };

const ANSWER: Answer = {
  type: "answer",
  id: 1,
  sdp: "answer",
  publications: [{ mid: "0", source: "microphone" }],
  slots: [
    { mid: "3", kind: "audio", feed: "audio" },
    { mid: "6", kind: "video", feed: "stage.main" },
    { mid: "77", kind: "video", feed: null },
  ],
};

let connection: FakeConnection;
let life: AbortController;
const negotiate = vi.fn<PeerOptions["negotiate"]>();
const onChange = vi.fn();
const onGone = vi.fn();

beforeEach(() => {
  connection = new FakeConnection();
  life = new AbortController();
  negotiate.mockReset().mockResolvedValue(ANSWER);
  onChange.mockReset();
  onGone.mockReset();
});

function link(plan = SITE): PeerLink {
  const connect = () => connection.asConnection;
  return new PeerLink({ plan, iceServers: [], isAfresh: false, negotiate, onChange, onGone, connect }, life.signal);
}

async function connected(): Promise<PeerLink> {
  const peer = link();
  await peer.offer();
  connection.ice("connected");
  return peer;
}

const shape = () => connection.transceivers.map(({ kind, init }) => `${kind} ${init.direction ?? ""}`);

describe("the offer", () => {
  it("of a site has microphone, camera and screen, then three audio and three video slots", () => {
    link();
    expect(shape()).toEqual([
      "audio sendonly",
      "video sendonly",
      "video sendonly",
      ...Array<string>(3).fill("audio recvonly"),
      ...Array<string>(3).fill("video recvonly"),
    ]);
  });

  it("of an operator sends nothing and has 16 video slots more", () => {
    link({ sends: false, watchSlots: 16 });
    expect(shape()).toEqual([...Array<string>(3).fill("audio recvonly"), ...Array<string>(19).fill("video recvonly")]);
  });

  it("has a camera in three layers, highest first, each half the last", () => {
    link();
    const encodings = connection.transceivers[1]?.init.sendEncodings ?? [];
    expect(encodings.map(({ rid, scaleResolutionDownBy }) => [rid, scaleResolutionDownBy])).toEqual([
      ["h", 1],
      ["m", 2],
      ["l", 4],
    ]);
  });

  it("is made without a track, and says which MID carries what", async () => {
    await link().offer();
    expect(connection.transceivers.every(({ sender }) => sender.track === null)).toBe(true);
    expect(negotiate).toHaveBeenCalledExactlyOnceWith({
      type: "offer",
      sdp: "offer 1",
      sources: { "0": "microphone", "1": "camera", "2": "screen" },
    });
  });

  it("is answered once: one offer, one setRemoteDescription", async () => {
    const before = remoteDescriptionsSet();
    const peer = await connected();
    await peer.offer();
    expect(connection.count("createOffer")).toBe(1);
    expect(connection.count("setRemoteDescription")).toBe(1);
    expect(remoteDescriptionsSet()).toBe(before + 1);
    expect(connection.remoteSdp).toBe("answer");
  });

  it("fills the slots that the page knows and no others", async () => {
    const peer = link();
    await peer.offer();
    expect(peer.slots.map(({ mid, feed, track }) => [mid, feed, track.id])).toEqual([
      ["3", "audio", "received-3"],
      ["6", "stage.main", "received-6"],
    ]);
  });

  it("cut off by a lost line is sent again as it was", async () => {
    negotiate.mockRejectedValueOnce(new RequestError("disconnected", ""));
    const peer = link();
    await expect(peer.offer()).rejects.toThrow(RequestError);
    expect(peer.isAnswered).toBe(false);
    await peer.offer();
    expect(peer.isAnswered).toBe(true);
    expect(connection.count("createOffer")).toBe(1);
    expect(negotiate.mock.calls[1]).toEqual(negotiate.mock.calls[0]);
  });

  it("whose answer comes after the end is not applied", async () => {
    const peer = link();
    const offering = peer.offer();
    life.abort();
    await offering;
    expect(connection.count("setRemoteDescription")).toBe(0);
  });
});

describe("an ICE restart", () => {
  it("happens on the same connection", async () => {
    const peer = await connected();
    await peer.restartIce();
    expect(connection.count("restartIce")).toBe(1);
    expect(negotiate).toHaveBeenLastCalledWith({ type: "restartIce", sdp: "offer 2" });
    expect(connection.count("setRemoteDescription")).toBe(2);
    expect(onGone).not.toHaveBeenCalled();
  });

  it("is not begun twice at a time", async () => {
    const peer = await connected();
    await Promise.all([peer.restartIce(), peer.restartIce()]);
    expect(connection.count("restartIce")).toBe(1);
  });

  it("cut off by a lost line is taken back, and can be begun anew", async () => {
    const peer = await connected();
    negotiate.mockRejectedValueOnce(new RequestError("disconnected", ""));
    await peer.restartIce();
    expect(connection.localDescription?.type).toBe("rollback");
    expect(onGone).not.toHaveBeenCalled();
    await peer.restartIce();
    expect(connection.count("restartIce")).toBe(2);
    expect(connection.count("setRemoteDescription")).toBe(2);
  });

  it("that the server does not know asks for a fresh connection", async () => {
    const peer = await connected();
    negotiate.mockRejectedValueOnce(new RequestError("no_media", ""));
    await peer.restartIce();
    expect(onGone).toHaveBeenCalledOnce();
  });
});

describe("the state", () => {
  it("is connected only when DTLS is too", async () => {
    const peer = link();
    await peer.offer();
    expect(peer.state).toBe("connecting");
    connection.iceConnectionState = "connected";
    connection.connectionState = "connecting";
    expect(peer.state).toBe("connecting");
    connection.ice("connected");
    expect(peer.state).toBe("connected");
  });

  it("asks for a fresh connection when DTLS fails over a path that works", async () => {
    await connected();
    connection.connectionState = "failed";
    connection.dispatchEvent(new Event("connectionstatechange"));
    expect(onGone).toHaveBeenCalledOnce();
  });

  it("ends with the signal", async () => {
    await connected();
    onChange.mockClear();
    life.abort();
    connection.dispatchEvent(new Event("iceconnectionstatechange"));
    expect(connection.count("close")).toBe(1);
    expect(onChange).not.toHaveBeenCalled();
  });
});

it("offers only the codecs that the server forwards, VP8 first", () => {
  const h264 = (profile: string, mode: number) => ({
    mimeType: "video/H264",
    clockRate: 90_000,
    sdpFmtpLine: `level-asymmetry-allowed=1;packetization-mode=${mode};profile-level-id=${profile}`,
  });
  const plain = (mimeType: string) => ({ mimeType, clockRate: 90_000 });
  const browser = [
    h264("42001f", 1),
    h264("42e01f", 0),
    h264("64001f", 1),
    h264("42e01f", 1),
    plain("video/rtx"),
    plain("video/VP8"),
    plain("video/VP9"),
    plain("video/AV1"),
    plain("video/red"),
  ];
  expect(forwardable(browser, "receive").map(({ mimeType, sdpFmtpLine }) => sdpFmtpLine?.slice(-6) ?? mimeType)).toEqual([
    "video/VP8",
    "42001f",
    "42e01f",
    "video/rtx",
  ]);
  const sound = [plain("audio/red"), plain("audio/opus"), plain("audio/PCMU")];
  expect(forwardable(sound, "send")).toEqual([plain("audio/opus")]);
  expect(forwardable(sound, "receive")).toEqual([plain("audio/opus"), plain("audio/red")]);
});

it("asks for small playout delays where the browser knows how", () => {
  link();
  expect(connection.transceivers.slice(3).map(({ receiver }) => receiver.jitterBufferTarget)).toEqual(
    [140, 140, 140, 60, 60, 60],
  );
});

it("holds sound back for as long as it is told, and pictures as before", () => {
  link().hold({ sound: 250, pictures: 0 });
  expect(connection.transceivers.slice(3).map(({ receiver }) => receiver.jitterBufferTarget)).toEqual([
    ...Array<number>(3).fill(250),
    ...Array<number>(3).fill(60),
  ]);
});

it("goes on with the browser's own offer where that takes no other", async () => {
  const own = connection.setLocalDescription.bind(connection);
  connection.createOffer = () =>
    Promise.resolve({ type: "offer", sdp: "m=audio 9\r\na=recvonly\r\na=rtpmap:111 opus/48000/2\r\n" });
  connection.setLocalDescription = (description) =>
    description.sdp.includes("nack") ? Promise.reject(new DOMException("munged")) : own(description);
  const peer = link();
  await peer.offer();
  expect(peer.isAnswered).toBe(true);
  expect(connection.localDescription?.sdp).not.toContain("nack");
});

it("makes the layers of the camera fit its picture, as often as that becomes another", async () => {
  const peer = await connected();
  const camera = new FakeTrack("video");
  camera.size = { width: 640, height: 480 };
  const fit = async () => {
    await peer.fit("camera", camera.asTrack, 3);
    return connection.transceivers[1]?.sender.encodings.map(({ maxBitrate }) => maxBitrate);
  };
  expect(await fit()).toEqual([1_078_000, 323_000, 97_000]);
  camera.size = { width: 480, height: 640 };
  await fit();
  expect(connection.count("setParameters")).toBe(1);
  camera.size = { width: 1_280, height: 720 };
  expect(await fit()).toEqual([1_700_000, 500_000, 150_000]);
});

it("sends the layers that are looked at, one change after the other", async () => {
  const peer = await connected();
  const camera = new FakeTrack("video");
  const active = (at: number) => connection.transceivers[at]?.sender.encodings.map((encoding) => encoding.active ?? true);
  await Promise.all([0, 3, 1].map((wanted) => peer.fit("camera", camera.asTrack, wanted)));
  expect(active(1)).toEqual([false, false, true]);
  await peer.fit("screen", camera.asTrack, 0);
  expect(active(2)).toEqual([false]);
  await peer.fit("screen", camera.asTrack, 1);
  expect(active(2)).toEqual([true]);
  expect(active(0)).toEqual([true]);
});

it("looks at the way without a report of everything while sound is played, but for each eighth time", async () => {
  const peer = await connected();
  const received: number[] = [];
  for (let look = 1; look <= 8; look++) {
    connection.playedAt = 100 * look;
    connection.received = 1_000 * look;
    received.push((await peer.sight()).received);
  }
  expect(connection.count("getStats")).toBe(1);
  expect(received).toEqual([...received].sort((a, b) => a - b));
  expect(new Set(received).size).toBe(8);
});

it("counts what has come where nothing is played", async () => {
  const peer = await connected();
  connection.received = 10;
  const [first, second] = [await peer.sight(), await peer.sight()];
  connection.received = 20;
  const third = await peer.sight();
  expect([first.received, second.received < third.received, first.received === second.received]).toEqual([10, true, true]);
  expect(connection.count("getStats")).toBe(3);
});

it("takes what had come by its last look for no sign that something comes now", async () => {
  const peer = await connected();
  const received: number[] = [];
  for (const isPlayed of [true, true, true, false, false]) {
    if (isPlayed) {
      connection.playedAt += 100;
      connection.received += 1_000;
    }
    received.push((await peer.sight()).received);
  }
  expect(received.slice(3)).toEqual([received[2], received[2]]);
  connection.received += 1;
  expect((await peer.sight()).received).toBeGreaterThan(received.at(-1) ?? Infinity);
});
