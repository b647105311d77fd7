import { beforeEach, describe, expect, it, vi } from "vitest";
import { LocalDevices, type MediaSource, openScreen, problemOf, SITE_CAMERA } from "../src/devices.ts";
import { FakeTrack } from "./fakes/connection.ts";

const getUserMedia = vi.fn<(constraints: MediaStreamConstraints) => Promise<unknown>>();
const chosen = new Map<string, string>();
let life: AbortController;

beforeEach(() => {
  getUserMedia.mockReset();
  chosen.clear();
  life = new AbortController();
});

function made(source: Partial<MediaSource> | undefined = {}): LocalDevices {
  const whole = source && {
    getUserMedia,
    enumerateDevices: () =>
      Promise.resolve([
        { kind: "audioinput", deviceId: "m1", label: "Micro 1" },
        { kind: "videoinput", deviceId: "c1", label: "Camera 1" },
        { kind: "videoinput", deviceId: "", label: "" },
      ]),
    addEventListener: () => undefined,
    ...source,
  };
  return new LocalDevices(
    {
      source: whole as unknown as MediaSource,
      memory: { chosen: (kind) => chosen.get(kind) ?? "", choose: (kind, id) => void chosen.set(kind, id) },
      size: SITE_CAMERA,
      onChange: () => undefined,
    },
    life.signal,
  );
}

function grant(track: FakeTrack): void {
  getUserMedia.mockResolvedValueOnce({ getTracks: () => [track] });
}

describe("opening a device", () => {
  it("gives its track and then the names of all devices", async () => {
    const devices = made();
    grant(new FakeTrack("audio"));
    expect(await devices.open("microphone")).not.toBeNull();
    expect(devices.state.list).toEqual({
      microphones: [{ id: "m1", label: "Micro 1" }],
      cameras: [{ id: "c1", label: "Camera 1" }],
      loudspeakers: [],
    });
  });

  it("a second time gives the same track", async () => {
    const devices = made();
    grant(new FakeTrack("audio"));
    const first = await devices.open("microphone");
    expect(await devices.open("microphone")).toBe(first);
    expect(getUserMedia).toHaveBeenCalledOnce();
  });

  it("asks for the remembered one without insisting on it", async () => {
    chosen.set("camera", "c7");
    grant(new FakeTrack("video"));
    await made().open("camera");
    expect(getUserMedia.mock.calls[0]?.[0].video).toMatchObject({ deviceId: { ideal: "c7" }, width: { ideal: 960 } });
  });

  it("of another choice goes on with the former one until the new one is there", async () => {
    const devices = made();
    const former = new FakeTrack("audio");
    grant(former);
    await devices.open("microphone");
    const choosing = devices.choose("microphone", "m2");
    expect(devices.state.microphone.track).toBe(former);
    await choosing;
  });

  it("of another choice lets go of the former one first where only one can be open", async () => {
    const devices = made();
    const [former, next] = [new FakeTrack("video"), new FakeTrack("video")];
    grant(former);
    await devices.open("camera");
    getUserMedia.mockRejectedValueOnce(new DOMException("", "NotReadableError"));
    grant(next);
    expect(await devices.choose("camera", "c2")).toBe(next);
    expect(former.readyState).toBe("ended");
  });

  it("of another choice lets go of the former one", async () => {
    const devices = made();
    const [former, next] = [new FakeTrack("video"), new FakeTrack("video")];
    grant(former);
    grant(next);
    await devices.open("camera");
    expect(await devices.choose("camera", "c2")).toBe(next);
    expect(former.readyState).toBe("ended");
    expect(chosen.get("camera")).toBe("c2");
  });

  it("that is unplugged later says so", async () => {
    const devices = made();
    const track = new FakeTrack("audio");
    grant(track);
    await devices.open("microphone");
    track.dispatchEvent(new Event("ended"));
    expect(devices.state.microphone).toMatchObject({ track: null, problem: "unplugged" });
  });

  it("that the system mutes says so until it does not any more", async () => {
    const devices = made();
    const track = new FakeTrack("audio");
    grant(track);
    await devices.open("microphone");
    track.muted = true;
    track.dispatchEvent(new Event("mute"));
    expect(devices.state.microphone).toMatchObject({ track, isMuted: true });
    track.muted = false;
    track.dispatchEvent(new Event("unmute"));
    expect(devices.state.microphone.isMuted).toBe(false);
  });

  it("on an address without https says so", async () => {
    const devices = new LocalDevices(
      { source: undefined, memory: { chosen: () => "", choose: () => undefined }, size: SITE_CAMERA, onChange: () => undefined },
      life.signal,
    );
    expect(await devices.open("microphone")).toBeNull();
    expect(devices.state.microphone.problem).toBe("insecure");
  });

  it("ends with the signal", async () => {
    const devices = made();
    const track = new FakeTrack("video");
    grant(track);
    await devices.open("camera");
    life.abort();
    expect(track.readyState).toBe("ended");
  });
});

describe("a refusal of the browser", () => {
  it.each([
    ["NotAllowedError", "denied"],
    ["NotFoundError", "missing"],
    ["OverconstrainedError", "missing"],
    ["NotReadableError", "busy"],
    ["AbortError", "busy"],
    ["SecurityError", "insecure"],
    ["TypeError", "unsupported"],
    ["Whatever", "unknown"],
  ])("%s means %s", (name, problem) => {
    expect(problemOf(new DOMException("", name))).toBe(problem);
  });

  it("that is no error at all is unknown", () => {
    expect(problemOf("text")).toBe("unknown");
  });
});

describe("sharing the screen", () => {
  const source = (getDisplayMedia: () => Promise<unknown>) => ({ getDisplayMedia }) as unknown as MediaSource;

  it("hints that text must stay sharp", async () => {
    const track = new FakeTrack("video");
    const shared = await openScreen(source(() => Promise.resolve({ getVideoTracks: () => [track] })));
    expect(shared).toBe(track);
    expect(track.contentHint).toBe("detail");
  });

  it("that the person cancels is no error", async () => {
    expect(await openScreen(source(() => Promise.reject(new DOMException("", "NotAllowedError"))))).toBeNull();
  });
});
