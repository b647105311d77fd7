import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Attendance } from "../src/attendance.ts";
import { LocalDevices, type MediaSource, SITE_CAMERA } from "../src/devices.ts";
import type { Answer, Self } from "../src/protocol.ts";
import { FakeConnection, FakeTrack, settled } from "./fakes/connection.ts";
import { FakeCredentials, FakeServer } from "./fakes/socket.ts";

let server: FakeServer;
let connections: FakeConnection[];
let life: AbortController;
let credentials: FakeCredentials;
let devices: LocalDevices;
let captured: FakeTrack[];
let attendance: Attendance;
let wakeUps: EventTarget;
/** What the open microphone hears. */
let hear: (isSound: boolean) => void;
const getUserMedia = vi.fn<(constraints: MediaStreamConstraints) => Promise<unknown>>();

beforeEach(() => {
  vi.useFakeTimers();
  server = new FakeServer();
  wakeUps = new EventTarget();
  connections = [];
  captured = [];
  life = new AbortController();
  credentials = new FakeCredentials();
  getUserMedia.mockReset().mockImplementation(({ audio }) => {
    const track = new FakeTrack(audio === undefined ? "video" : "audio");
    captured.push(track);
    return Promise.resolve({ getTracks: () => [track] });
  });
});

afterEach(() => {
  life.abort();
  vi.useRealTimers();
});

function attend(): void {
  const source = {
    getUserMedia,
    enumerateDevices: () => Promise.resolve([]),
    addEventListener: () => undefined,
  } as unknown as MediaSource;
  devices = new LocalDevices(
    {
      source,
      memory: { chosen: () => "", choose: () => undefined },
      size: SITE_CAMERA,
      onChange: () => attendance.onDevices(),
    },
    life.signal,
  );
  attendance = new Attendance(
    {
      credentials,
      devices,
      media: source,
      wakeUps,
      connectSocket: () => server.connect(),
      connectPeer: () => {
        const connection = new FakeConnection();
        connections.push(connection);
        return connection.asConnection;
      },
      listen: (_, onHeard) => (hear = (isSound) => onHeard({ level: 0, isSound })),
      random: () => 0,
      onChange: () => undefined,
    },
    life.signal,
  );
}

const connection = (): FakeConnection => {
  const last = connections.at(-1);
  if (last === undefined) throw new Error("no peer connection was made");
  return last;
};

const answer = (id: number): Answer => ({
  type: "answer",
  id,
  sdp: "answer",
  publications: [],
  slots: [{ mid: "6", kind: "video", feed: "stage.main" }],
});

function self(part: Partial<Self>): Self {
  return { type: "self", version: 1, muted: false, floor: "none", position: null, onStage: false, device: 1, standsBy: false, arriving: { microphone: false, camera: false }, lastTurn: null, ...part };
}

/** Answers the newest offer; media flows. */
async function answerOffer(): Promise<void> {
  await settled();
  server.say(answer(server.sent("offer").id));
  await settled();
  connection().ice("connected");
  await settled();
}

async function joined(role: "site" | "hall" | "operator" = "site"): Promise<void> {
  attend();
  server.welcome({ role });
  await answerOffer();
}

/** Says yes to every request made so far on this WebSocket, until none is new. */
async function consentToAll(): Promise<void> {
  for (let done = 0; done < server.last.sent.length; ) {
    const message = server.last.sent[done++];
    if (message !== undefined && "id" in message) server.say({ type: "ok", id: message.id });
    await settled();
  }
}

const published = () => server.last.sent.flatMap((m) => (m.type === "publish" ? [`${m.source} ${m.active}`] : []));
const carried = () => connection().transceivers.slice(0, 3).map(({ sender }) => sender.track);

describe("the peer connection", () => {
  it("is made and offered once after the welcome", async () => {
    await joined();
    expect(connections).toHaveLength(1);
    expect(attendance.state.media).toBe("connected");
    expect(attendance.state.slots).toHaveLength(1);
  });

  it("lives on when only the WebSocket was lost", async () => {
    await joined();
    server.end(1006);
    vi.advanceTimersByTime(1_000);
    server.welcome({ resumed: true });
    await settled();
    expect(connections).toHaveLength(1);
    expect(connection().count("setRemoteDescription")).toBe(1);
  });

  it("looks for further ways by the servers that a resumed session is told", async () => {
    await joined();
    server.end(1006);
    vi.advanceTimersByTime(1_000);
    server.welcome({ resumed: true, iceServers: [{ urls: ["turns:hop.example.vn:443?transport=tcp"] }] });
    await settled();
    expect(connection().count("setConfiguration 1")).toBe(1);
  });

  it("survives ten seconds without a network untouched", async () => {
    await joined();
    connection().ice("disconnected");
    vi.advanceTimersByTime(8_000);
    expect(attendance.state.link.state).toBe("waiting");
    vi.advanceTimersByTime(2_000);
    connection().ice("connected");
    server.welcome({ resumed: true });
    await settled();
    expect(connections).toHaveLength(1);
    expect(connection().count("createOffer")).toBe(1);
    expect(attendance.state.media).toBe("connected");
  });

  it("is replaced when ICE has failed, but not before the WebSocket is back", async () => {
    await joined();
    server.end(1006);
    connection().ice("failed");
    await vi.advanceTimersByTimeAsync(500);
    expect(connections).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(500);
    server.welcome({ resumed: true });
    await settled();
    server.say({ type: "pong" });
    await answerOffer();
    expect(connections).toHaveLength(2);
    expect(connections[0]?.count("close")).toBe(1);
    expect(attendance.state.media).toBe("connected");
  });

  it("looks for another way at once when the session comes back from elsewhere", async () => {
    await joined();
    server.end(1006);
    vi.advanceTimersByTime(1_000);
    server.welcome({ resumed: true, address: "203.0.113.8" });
    await settled();
    expect(connection().count("restartIce")).toBe(1);
    expect(connections).toHaveLength(1);
  });

  it("is replaced at once when the session comes back from elsewhere and nothing arrives", async () => {
    await joined();
    connection().received = 1;
    await vi.advanceTimersByTimeAsync(250);
    server.end(1006);
    await vi.advanceTimersByTimeAsync(750);
    server.welcome({ resumed: true, address: "203.0.113.8" });
    await answerOffer();
    expect(connections).toHaveLength(2);
    expect(attendance.state.media).toBe("connected");
  });

  it("is replaced when nothing arrives any more and the server answers", async () => {
    await joined();
    connection().received = 1;
    for (let tick = 0; tick < 7; tick++) {
      expect(connections).toHaveLength(1);
      await vi.advanceTimersByTimeAsync(250);
      server.say({ type: "pong" });
    }
    await settled();
    expect(server.sockets).toHaveLength(1);
    expect(connections).toHaveLength(2);
  });

  it("over which nothing arrives any more is called interrupted within two seconds", async () => {
    await joined();
    connection().received = 1;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(attendance.state.isInterrupted).toBe(false);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(attendance.state.isInterrupted).toBe(true);
  });

  it("is left alone when nothing arrives any more, not even over the WebSocket", async () => {
    await joined();
    connection().received = 1;
    await vi.advanceTimersByTimeAsync(4_000);
    expect(attendance.state.link.state).toBe("connecting");
    expect(connection().count("restartIce")).toBe(0);
    expect(connections).toHaveLength(1);
  });

  it("looks for another way when there is a network again", async () => {
    await joined();
    wakeUps.dispatchEvent(new Event("online"));
    server.say({ type: "pong" });
    await settled();
    expect(connection().count("restartIce")).toBe(1);
  });

  it("is replaced when the server does not know it any more", async () => {
    await joined();
    wakeUps.dispatchEvent(new Event("online"));
    server.say({ type: "pong" });
    await settled();
    const { id } = server.sent("restartIce");
    server.say({ type: "error", id, code: "no_media", message: "", retryAfterSeconds: null });
    await settled();
    vi.advanceTimersByTime(0);
    await answerOffer();
    expect(connections).toHaveLength(2);
    expect(connections[0]?.count("close")).toBe(1);
    expect(attendance.state.media).toBe("connected");
  });

  it("is replaced after a restart of the server, which has forgotten it", async () => {
    await joined();
    server.say({ type: "closing", reason: "restarting", retryAfterSeconds: 1 });
    server.end(1012);
    vi.advanceTimersByTime(2_000);
    server.welcome({ resumed: true });
    await settled();
    expect(connections).toHaveLength(2);
  });

  it("is replaced at once when the server was killed, although ICE has not noticed", async () => {
    await joined();
    server.end(1006);
    vi.advanceTimersByTime(1_000);
    server.welcome({ resumed: true, media: false });
    await answerOffer();
    expect(connections).toHaveLength(2);
    expect(connections[0]?.count("close")).toBe(1);
    expect(attendance.state.media).toBe("connected");
  });

  it("is replaced when the participant is a new one", async () => {
    await joined();
    server.end(4004);
    server.welcome({ resumed: false, participant: "P2" });
    await settled();
    expect(connections).toHaveLength(2);
  });

  it("is offered again when the line broke before the answer", async () => {
    attend();
    server.welcome();
    await settled();
    server.end(1006);
    await settled();
    vi.advanceTimersByTime(1_000);
    server.welcome({ resumed: true });
    await answerOffer();
    expect(connections).toHaveLength(1);
    expect(attendance.state.media).toBe("connected");
  });

  it("that cannot be answered is tried again ever more slowly", async () => {
    attend();
    server.welcome();
    const made: number[] = [];
    for (let i = 0; i < 6; i++) {
      await settled();
      const { id } = server.sent("offer");
      server.say({ type: "error", id, code: "overloaded", message: "", retryAfterSeconds: null });
      await settled();
      let waited = 0;
      for (const before = connections.length; connections.length === before; waited += 100) {
        vi.advanceTimersByTime(100);
        if (waited % 2_000 === 0) server.say({ type: "pong" });
      }
      made.push(waited);
    }
    expect(made).toEqual([100, 1_000, 2_000, 4_000, 8_000, 15_000]);
  });
});

describe("the floor", () => {
  it("is asked for only once there is a microphone, and nothing is on air before it is given", async () => {
    await joined();
    void attendance.requestFloor();
    await settled();
    expect(server.heard.at(-1)?.type).toBe("requestFloor");
    expect(captured).toHaveLength(2);
    expect(carried()).toEqual([null, null, null]);
  });

  it("is not asked for without a microphone; the page knows why", async () => {
    getUserMedia.mockRejectedValue(new DOMException("", "NotAllowedError"));
    await joined();
    await attendance.requestFloor();
    expect(server.heard.at(-1)?.type).toBe("offer");
    expect(devices.state.microphone.problem).toBe("denied");
  });

  it("puts microphone and camera on air when it is given, in the senders of the join", async () => {
    await joined();
    void attendance.requestFloor();
    await settled();
    server.say(self({ floor: "holding", onStage: true }));
    await consentToAll();
    expect(carried()).toEqual([captured[0], captured[1], null]);
    expect(published()).toEqual(["microphone true", "camera true"]);
    expect(connection().count("createOffer")).toBe(1);
  });

  it("given without being asked for waits for the person's consent", async () => {
    await joined();
    server.say(self({ floor: "holding", onStage: true }));
    await settled();
    expect(attendance.state.standing).toEqual({ is: "invited", hasFloor: true, isReturning: false, isForPicture: false });
    expect(getUserMedia).not.toHaveBeenCalled();
    void attendance.consent();
    await consentToAll();
    expect(attendance.state.standing.is).toBe("onAir");
    expect(attendance.state.onAir).toEqual(new Set(["microphone", "camera"]));
  });

  it("lets go of the devices when it ends", async () => {
    await joined();
    void attendance.requestFloor();
    await settled();
    server.say(self({ floor: "holding" }));
    await consentToAll();
    server.say(self({ floor: "none" }));
    await consentToAll();
    expect(carried()).toEqual([null, null, null]);
    expect(captured.map(({ readyState }) => readyState)).toEqual(["ended", "ended"]);
    expect(published()).toEqual(["microphone true", "camera true", "microphone false", "camera false"]);
  });

  it("held before a reload is taken up again by itself", async () => {
    attend();
    credentials.consent = "everything";
    server.welcome({ resumed: true });
    server.say(self({ floor: "holding", onStage: true }));
    await answerOffer();
    await consentToAll();
    expect(carried()).toEqual([captured[0], captured[1], null]);
  });

  it("is waited for with a picture that is sent only while an operator looks at it, and without sound", async () => {
    const sending = () => connection().transceivers[1]?.sender.encodings.filter(({ active }) => active ?? true).length;
    const wanted = (camera: number) => server.say({ type: "wanted", version: 1, layers: { camera } });
    await joined();
    void attendance.requestFloor();
    await settled();
    server.say(self({ floor: "waiting", position: 1 }));
    await consentToAll();
    expect(carried()).toEqual([null, captured[1], null]);
    expect(published()).toEqual(["camera true"]);
    expect([sending(), attendance.state.isLookedAt, attendance.state.onAir.size]).toEqual([0, false, 0]);
    wanted(1);
    await settled();
    expect([sending(), attendance.state.isLookedAt, attendance.state.onAir.size]).toEqual([1, true, 0]);
    wanted(0);
    await settled();
    expect([sending(), attendance.state.isLookedAt]).toEqual([0, false]);
    server.say(self({ floor: "holding", onStage: true }));
    wanted(3);
    await consentToAll();
    expect(carried()).toEqual([captured[0], captured[1], null]);
    expect([sending(), attendance.state.isLookedAt, attendance.state.onAir.size]).toEqual([3, false, 2]);
  });

  it("asked for with the camera switched off shows nothing to anybody", async () => {
    await joined();
    await attendance.switchCamera(false);
    void attendance.requestFloor();
    await settled();
    server.say(self({ floor: "waiting", position: 1 }));
    server.say({ type: "wanted", version: 1, layers: { camera: 1 } });
    await consentToAll();
    expect(carried()).toEqual([null, null, null]);
    expect(attendance.state.isLookedAt).toBe(false);
  });

  it("sends no sound while muted, nothing while cut off, and goes on when neither", async () => {
    await joined();
    void attendance.requestFloor();
    await settled();
    server.say(self({ floor: "holding" }));
    await consentToAll();
    server.say(self({ floor: "holding", muted: true }));
    await consentToAll();
    expect(carried()).toEqual([null, captured[1], null]);
    server.say(self({ floor: "holding", muted: true, cut: true }));
    await consentToAll();
    expect(carried()).toEqual([null, null, null]);
    server.say(self({ floor: "holding" }));
    await consentToAll();
    expect(carried()).toEqual([captured[0], captured[1], null]);
  });
});

describe("a place on the stage", () => {
  const asked = { onStage: true, muted: true } as const;
  const sending = () => connection().transceivers[1]?.sender.encodings.filter(({ active }) => active ?? true).length;

  it("is taken once somebody here agrees to be seen, with the picture alone", async () => {
    await joined();
    server.say(self(asked));
    await settled();
    expect(attendance.state.standing).toEqual({ is: "invited", hasFloor: false, isReturning: false, isForPicture: true });
    expect(getUserMedia).not.toHaveBeenCalled();
    void attendance.consent();
    await consentToAll();
    expect(carried()).toEqual([null, captured[0], null]);
    expect(published()).toEqual(["camera true"]);
    expect(attendance.state.standing.is).toBe("shown");
  });

  it("is no leave to be heard: the floor asks for that", async () => {
    await joined();
    server.say(self(asked));
    void attendance.consent();
    await consentToAll();
    server.say(self({ floor: "holding", onStage: true }));
    await consentToAll();
    expect(attendance.state.standing).toMatchObject({ is: "invited", hasFloor: true, isForPicture: false });
    expect(published()).toEqual(["camera true"]);
    void attendance.consent();
    await consentToAll();
    expect(published()).toEqual(["camera true", "microphone true"]);
  });

  it("given to whoever waits, and is looked at by nobody, brings the first picture by itself", async () => {
    await joined();
    void attendance.requestFloor();
    await settled();
    server.say(self({ floor: "waiting", position: 1 }));
    server.say({ type: "wanted", version: 1, layers: { camera: 0 } });
    await consentToAll();
    expect(sending()).toBe(0);
    server.say(self({ ...asked, floor: "waiting", position: 1 }));
    await consentToAll();
    expect(sending()).toBe(1);
  });
});

/** The floor was asked for and given; everything on air arrives at the server. */
async function speaking(): Promise<void> {
  await joined();
  void attendance.requestFloor();
  await settled();
  server.say(self({ floor: "holding", onStage: true }));
  await consentToAll();
  server.say(self({ floor: "holding", onStage: true, arriving: { microphone: true, camera: true } }));
  await settled();
}

const reach = () => (attendance.state.standing.is === "onAir" ? attendance.state.standing.reach : null);

describe("who speaks", () => {
  it("is told that everybody sees and hears when that is so", async () => {
    await speaking();
    expect(reach()).toEqual({ microphone: null, camera: null });
  });

  it("ends although the server says that it was too soon: what the page says of its devices counts as well", async () => {
    await speaking();
    void attendance.yieldFloor();
    await settled();
    const { id } = server.sent("yieldFloor");
    server.say({ type: "error", id, code: "rate_limited", message: "", retryAfterSeconds: 1 });
    await vi.advanceTimersByTimeAsync(1_000);
    const again = server.sent("yieldFloor");
    expect(again.id).not.toBe(id);
    server.say({ type: "ok", id: again.id });
    await settled();
    expect(attendance.state.refused).toBeNull();
  });

  it("is told that its microphone is off, and so is the server", async () => {
    await speaking();
    void attendance.switchMicrophone(false);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(reach()).toEqual({ microphone: "off", camera: null });
    expect(server.sent("condition")).toMatchObject({ microphone: "off", camera: "on", mediaBlocked: false });
  });

  it("is told after five seconds that nothing comes of its microphone", async () => {
    await speaking();
    hear(true);
    vi.advanceTimersByTime(4_900);
    hear(false);
    expect(reach()?.microphone).toBeNull();
    vi.advanceTimersByTime(100);
    hear(false);
    expect(reach()?.microphone).toBe("silent");
    hear(true);
    expect(reach()?.microphone).toBeNull();
  });

  it("is told that its microphone was unplugged", async () => {
    await speaking();
    captured[0]?.dispatchEvent(new Event("ended"));
    expect(reach()?.microphone).toBe("missing");
  });

  it("is told that nothing arrives although all is on here", async () => {
    await speaking();
    server.say(self({ floor: "holding", onStage: true, arriving: { microphone: false, camera: true } }));
    await vi.advanceTimersByTimeAsync(4_000);
    expect(reach()).toEqual({ microphone: "unsent", camera: null });
  });

  it("says again how it stands when its session comes back", async () => {
    await speaking();
    void attendance.switchMicrophone(false);
    await consentToAll();
    server.end(1006);
    vi.advanceTimersByTime(3_000);
    server.welcome({ resumed: true });
    await vi.advanceTimersByTimeAsync(2_000);
    expect(server.sent("condition")).toMatchObject({ microphone: "off" });
  });
});

describe("media that does not come through", () => {
  it("is said after eight seconds, here and to the server, and there is no asking meanwhile", async () => {
    attend();
    server.welcome();
    await settled();
    server.say(answer(server.sent("offer").id));
    await settled();
    for (let second = 0; second < 9; second++) {
      await vi.advanceTimersByTimeAsync(1_000);
      server.say({ type: "pong" });
    }
    expect(attendance.state.isBlocked).toBe(true);
    expect(attendance.state.standing).toEqual({ is: "idle", obstacle: "mediaBlocked" });
    expect(server.sent("condition")).toMatchObject({ microphone: null, mediaBlocked: true });
  });

  it("gets a fresh connection after fifteen", async () => {
    attend();
    server.welcome();
    await settled();
    server.say(answer(server.sent("offer").id));
    for (let half = 0; half < 32; half++) {
      await vi.advanceTimersByTimeAsync(500);
      server.say({ type: "pong" });
    }
    expect(connections).toHaveLength(2);
  });
});

describe("a turn", () => {
  it("that was held when the page was closed is not taken up without a click in this tab", async () => {
    attend();
    server.welcome({ resumed: true });
    server.say(self({ floor: "holding", onStage: true }));
    await answerOffer();
    await consentToAll();
    expect(carried()).toEqual([null, null, null]);
    expect(getUserMedia).not.toHaveBeenCalled();
    expect(attendance.state.standing).toEqual({ is: "invited", hasFloor: true, isReturning: true, isForPicture: false });
  });

  it("that was taken back says so, and one that was given back does not", async () => {
    await speaking();
    server.say(self({ floor: "none", lastTurn: "revoked" }));
    expect(attendance.state.ended).toEqual({ was: "holding", how: "revoked" });
    void attendance.requestFloor();
    await settled();
    expect(attendance.state.ended).toBeNull();
    server.say(self({ floor: "holding" }));
    void attendance.yieldFloor();
    server.say(self({ floor: "none" }));
    expect(attendance.state.ended).toBeNull();
  });

  it("that was lost with the line says so", async () => {
    await joined();
    void attendance.requestFloor();
    await settled();
    server.say(self({ floor: "waiting", position: 1 }));
    server.end(4004);
    server.welcome({ resumed: false, participant: "P2" });
    expect(attendance.state.ended).toEqual({ was: "waiting", how: "lost" });
  });
});

describe("the hall", () => {
  it("is on air as soon as it has joined and its devices are open", async () => {
    await joined("hall");
    await devices.open("microphone");
    await devices.open("camera");
    await consentToAll();
    expect(published()).toEqual(["microphone true", "camera true"]);
  });

  it("tells the server again what is on air after a lost WebSocket", async () => {
    await joined("hall");
    await devices.open("microphone");
    await consentToAll();
    server.end(1006);
    vi.advanceTimersByTime(1_000);
    server.welcome({ role: "hall", resumed: true });
    await consentToAll();
    expect(published()).toEqual(["microphone true"]);
  });

  it("switches its camera off: nothing is sent and the light goes out", async () => {
    await joined("hall");
    await devices.open("camera");
    await consentToAll();
    void attendance.switchCamera(false);
    await consentToAll();
    expect(carried()[1]).toBeNull();
    expect(captured[0]?.readyState).toBe("ended");
    expect(published()).toEqual(["camera true", "camera false"]);
  });

  it("switches its microphone off without letting go of it", async () => {
    await joined("hall");
    await devices.open("microphone");
    await consentToAll();
    void attendance.switchMicrophone(false);
    await consentToAll();
    expect(carried()[0]).toBeNull();
    expect(captured[0]?.readyState).toBe("live");
  });
});

it("a refused request becomes a code for which the page has a sentence", async () => {
  await joined();
  const asked = attendance.withdrawFloor();
  const { id } = server.sent("withdrawFloor");
  server.say({ type: "error", id, code: "floor_not_requested", message: "", retryAfterSeconds: null });
  await asked;
  expect(attendance.state.refused).toBe("floor_not_requested");
});

it("the end of the conference lets go of everything", async () => {
  await joined("hall");
  await devices.open("camera");
  server.say({ type: "closing", reason: "conference_ended", retryAfterSeconds: null });
  server.end(4009);
  expect(attendance.state.link).toEqual({ state: "over", reason: "conference_ended" });
  expect(captured[0]?.readyState).toBe("ended");
  expect(connection().count("close")).toBe(1);
});

describe("a machine that shows one picture only", () => {
  it("is sent no more, on this connection and the next, until everything is wanted again", async () => {
    await joined();
    expect(server.heard.some(({ type }) => type === "limit")).toBe(false);
    attendance.save(true);
    await settled();
    expect(server.sent("limit").layers).toEqual({ 6: 2 });
    expect(attendance.state.saving).toEqual({ only: "main", because: "asked" });
    server.end(4004);
    server.welcome({ resumed: false, participant: "P2" });
    await answerOffer();
    expect(server.sent("limit").layers).toEqual({ 6: 2 });
    attendance.save(false);
    await settled();
    expect(server.sent("limit").layers).toEqual({});
    expect(attendance.state.saving).toBeNull();
  });
});
