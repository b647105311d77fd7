import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { StateMessage, Welcome } from "../src/protocol.ts";
import { type Link, type RequestError, SignalingChannel } from "../src/signaling.ts";
import { FakeCredentials, FakeServer, WELCOME } from "./fakes/socket.ts";

let server: FakeServer;
let credentials: FakeCredentials;
let links: Link[];
let messages: (Welcome | StateMessage)[];
let wakeUps: EventTarget;
let life: AbortController;

beforeEach(() => {
  vi.useFakeTimers();
  server = new FakeServer();
  credentials = new FakeCredentials();
  links = [];
  messages = [];
  wakeUps = new EventTarget();
  life = new AbortController();
});

afterEach(() => {
  life.abort();
  vi.useRealTimers();
});

function channel(): SignalingChannel {
  return new SignalingChannel(
    {
      credentials,
      connect: () => server.connect(),
      random: () => 0,
      onLink: (link) => links.push(link),
      onMessage: (message) => messages.push(message),
      wakeUps,
    },
    life.signal,
  );
}

function joined(): SignalingChannel {
  const made = channel();
  server.welcome();
  return made;
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "no error",
    (error: unknown) => (error as RequestError).code,
  );
}

describe("joining", () => {
  it("sends join with the token first, never in an address", () => {
    channel();
    server.open();
    expect(server.heard).toEqual([{ type: "join", protocol: 1, token: "token" }]);
  });

  it("speaks at once on a WebSocket that was opened before", () => {
    const socket = server.connect();
    server.open();
    new SignalingChannel(
      {
        credentials,
        connect: () => socket,
        random: () => 0,
        onLink: (link) => links.push(link),
        onMessage: (message) => messages.push(message),
        wakeUps,
      },
      life.signal,
    );
    expect(server.heard).toEqual([{ type: "join", protocol: 1, token: "token" }]);
  });

  it("resumes when a session was kept", () => {
    credentials.session = { id: "S0", secret: "old" };
    channel();
    server.open();
    expect(server.heard).toEqual([{ type: "resume", protocol: 1, session: "S0", secret: "old" }]);
  });

  it("keeps the session of the welcome", () => {
    const made = joined();
    expect(credentials.session).toEqual({ id: "S1", secret: "top" });
    expect(made.link).toEqual({ state: "open" });
    expect(messages).toEqual([WELCOME]);
  });

  it("without a token or a session there is nothing to try", () => {
    credentials.token = null;
    channel();
    expect(links).toEqual([{ state: "over", reason: "token_missing" }]);
    expect(server.sockets).toHaveLength(0);
  });

  it("joins with the token at once when the session is unknown", () => {
    credentials.session = { id: "S0", secret: "old" };
    channel();
    server.open();
    server.end(4004);
    server.open();
    expect(server.sockets).toHaveLength(2);
    expect(server.heard).toEqual([{ type: "join", protocol: 1, token: "token" }]);
  });

  it("gives up a connection that is never welcomed", () => {
    channel();
    server.open();
    vi.advanceTimersByTime(10_000);
    expect(server.last.isClosed).toBe(true);
    expect(links.at(-1)).toEqual({ state: "waiting", reason: "network" });
  });
});

describe("a dead line", () => {
  it("is noticed within 8 s of silence", () => {
    joined();
    vi.advanceTimersByTime(5_000);
    expect(server.last.sent.at(-1)).toEqual({ type: "ping" });
    vi.advanceTimersByTime(2_999);
    expect(server.last.isClosed).toBe(false);
    vi.advanceTimersByTime(1);
    expect(server.last.isClosed).toBe(true);
    expect(links.at(-1)).toEqual({ state: "waiting", reason: "network" });
  });

  it("is not suspected while anything is heard", () => {
    joined();
    for (let i = 0; i < 10; i++) {
      vi.advanceTimersByTime(4_000);
      server.say({ type: "presence", version: i, expected: 3, present: 2, lost: 0 });
    }
    expect(server.last.sent.filter(({ type }) => type === "ping")).toHaveLength(0);
    expect(server.sockets).toHaveLength(1);
  });

  it("is cleared of suspicion by a pong", () => {
    joined();
    vi.advanceTimersByTime(5_000);
    server.say({ type: "pong" });
    vi.advanceTimersByTime(4_999);
    expect(server.sockets).toHaveLength(1);
  });

  it("is looked for at once when the machine wakes up", () => {
    joined();
    wakeUps.dispatchEvent(new Event("visible"));
    expect(server.last.sent.at(-1)).toEqual({ type: "ping" });
    vi.advanceTimersByTime(3_000);
    expect(links.at(-1)).toEqual({ state: "waiting", reason: "network" });
  });

  it("ends with a resume of the same session", () => {
    joined();
    server.end(1006);
    vi.advanceTimersByTime(1_000);
    server.open();
    expect(server.heard).toEqual([{ type: "resume", protocol: 1, session: "S1", secret: "top" }]);
  });
});

describe("coming back", () => {
  it("waits longer after every failure, up to a limit", () => {
    channel();
    const waits: number[] = [];
    for (let i = 0; i < 8; i++) {
      const before = server.sockets.length;
      server.end(1006);
      let waited = 0;
      while (server.sockets.length === before) {
        vi.advanceTimersByTime(50);
        waited += 50;
      }
      waits.push(waited);
    }
    expect(waits).toEqual([250, 500, 1_000, 2_000, 4_000, 5_000, 5_000, 5_000]);
  });

  /** How many connections are begun in so long. */
  function attempts(ms: number): number {
    const before = server.sockets.length;
    vi.advanceTimersByTime(ms);
    return server.sockets.length - before;
  }

  it("is tried every five seconds where nobody answers, for a minute, and then with more patience", () => {
    joined();
    expect(attempts(8_000)).toBe(0);
    // More than a dozen in a minute and Chromium begins none for seconds.
    const inAMinute = attempts(60_000);
    expect(inAMinute).toBeGreaterThanOrEqual(11);
    expect(inAMinute).toBeLessThanOrEqual(12);
    vi.advanceTimersByTime(10_000);
    expect(attempts(30_000)).toBeLessThanOrEqual(3);
    server.welcome();
    expect(links.at(-1)).toEqual({ state: "open" });
  });

  it("is tried as often after a first WebSocket that was opened before", () => {
    const first = server.connect();
    server.open();
    new SignalingChannel(
      {
        credentials,
        connect: () => (server.sockets.length === 1 && !server.last.isClosed ? first : server.connect()),
        random: () => 0,
        onLink: (link) => links.push(link),
        onMessage: (message) => messages.push(message),
        wakeUps,
      },
      life.signal,
    );
    server.welcome();
    vi.advanceTimersByTime(8_000);
    expect(attempts(60_000)).toBeGreaterThanOrEqual(11);
  });

  it("begins anew when the network returns to a connection that nobody has answered", () => {
    joined();
    vi.advanceTimersByTime(8_000 + 2_000);
    const before = server.sockets.length;
    wakeUps.dispatchEvent(new Event("online"));
    expect(server.sockets).toHaveLength(before + 1);
    server.open();
    wakeUps.dispatchEvent(new Event("online"));
    expect(server.sockets).toHaveLength(before + 1);
  });

  it("gives a line that was slow to open the time that it needs", () => {
    channel();
    vi.advanceTimersByTime(1_500);
    server.welcome();
    vi.advanceTimersByTime(8_500);
    const before = server.sockets.length;
    vi.advanceTimersByTime(7_000);
    expect(server.sockets.length).toBe(before);
    server.welcome();
    expect(links.at(-1)).toEqual({ state: "open" });
  });

  it("honours the server's retryAfterSeconds", () => {
    joined();
    server.say({ type: "closing", reason: "restarting", retryAfterSeconds: 3 });
    server.end(1012);
    expect(links.at(-1)).toEqual({ state: "waiting", reason: "restarting" });
    vi.advanceTimersByTime(2_999);
    expect(server.sockets).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(server.sockets).toHaveLength(2);
  });

  it("happens at once when the network returns", () => {
    channel();
    for (let i = 0; i < 5; i++) {
      server.end(1006);
      if (i < 4) vi.advanceTimersByTime(60_000);
    }
    const before = server.sockets.length;
    wakeUps.dispatchEvent(new Event("online"));
    expect(server.sockets).toHaveLength(before + 1);
  });

  it("does not cut short a wait that the server asked for", () => {
    joined();
    server.say({ type: "closing", reason: "overloaded", retryAfterSeconds: 20 });
    server.end(4008);
    wakeUps.dispatchEvent(new Event("online"));
    expect(server.sockets).toHaveLength(1);
  });

  it.each([
    [4001, "replaced"],
    [4003, "token_invalid"],
    [4009, "conference_ended"],
    [4010, "removed"],
    [4011, "conference_full"],
    [4012, "server_full"],
    [4000, "outdated"],
  ])("does not happen after %i", (code, reason) => {
    joined();
    server.end(code);
    vi.advanceTimersByTime(120_000);
    expect(links.at(-1)).toEqual({ state: "over", reason });
    expect(server.sockets).toHaveLength(1);
  });

  it("takes the reason of an error that blamed no request", () => {
    channel();
    server.open();
    server.say({ type: "error", id: null, code: "token_expired", message: "", retryAfterSeconds: null });
    server.end(4003);
    expect(links.at(-1)).toEqual({ state: "over", reason: "token_expired" });
  });

  it("takes from the refusal why, and from the closing when to come back", () => {
    channel();
    server.open();
    server.say({ type: "error", id: null, code: "conference_unknown", message: "", retryAfterSeconds: null });
    server.say({ type: "closing", reason: "conference_ended", retryAfterSeconds: null });
    server.end(4009);
    expect(links.at(-1)).toEqual({ state: "over", reason: "conference_unknown" });
  });

  it("does not take an error of the conversation for the reason of its end", () => {
    joined();
    server.say({ type: "error", id: null, code: "rate_limited", message: "", retryAfterSeconds: 1 });
    server.end(1006);
    expect(links.at(-1)).toEqual({ state: "waiting", reason: "network" });
  });

  it("keeps the session when another tab took it over, so that it can be taken back", () => {
    joined();
    server.end(4001);
    expect(credentials.session).toEqual({ id: "S1", secret: "top" });
  });
});

describe("requests", () => {
  it("carry an id that is never used twice, and are settled by it", async () => {
    const made = joined();
    const first = made.request({ type: "requestFloor" });
    const second = made.request({ type: "withdrawFloor" });
    const [one, two] = [server.sent("requestFloor").id, server.sent("withdrawFloor").id];
    expect(two).toBeGreaterThan(one);
    server.say({ type: "error", id: two, code: "floor_not_requested", message: "no", retryAfterSeconds: null });
    server.say({ type: "ok", id: one });
    expect(await first).toEqual({ type: "ok", id: one });
    expect(await codeOf(second)).toBe("floor_not_requested");
  });

  it("are refused while the line is down", async () => {
    const made = channel();
    expect(await codeOf(made.request({ type: "requestFloor" }))).toBe("disconnected");
  });

  it("end with the line on which they were made", async () => {
    const made = joined();
    const asked = made.request({ type: "requestFloor" });
    server.end(1006);
    expect(await codeOf(asked)).toBe("disconnected");
  });

  it("end when the server never answers", async () => {
    const made = joined();
    const asked = codeOf(made.request({ type: "requestFloor" }));
    for (let i = 0; i < 10; i++) {
      vi.advanceTimersByTime(1_000);
      server.say({ type: "pong" });
    }
    expect(await asked).toBe("timeout");
  });
});

describe("the end", () => {
  it("of the signal closes the WebSocket and starts nothing", () => {
    joined();
    life.abort();
    expect(server.last.isClosed).toBe(true);
    vi.advanceTimersByTime(120_000);
    expect(server.sockets).toHaveLength(1);
  });

  it("by leaving says so and forgets the session", () => {
    const made = joined();
    made.leave();
    expect(server.heard.at(-1)).toEqual({ type: "leave" });
    expect(credentials.session).toBeNull();
    expect(made.link).toEqual({ state: "over", reason: "left" });
  });
});
