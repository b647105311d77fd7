import { describe, expect, it } from "vitest";
import { NOTHING } from "../src/devices.ts";
import { captureOf, conditionOf, type Facts, reachOf, SETTLING_MS, standingOf } from "../src/standing.ts";
import { FakeTrack } from "./fakes/connection.ts";

const NOW = 1_000_000;

/** A site that has the floor and is seen and heard. */
const SPEAKING: Facts = {
  role: "site",
  isLineOpen: true,
  isRunning: true,
  media: "connected",
  isBlocked: false,
  muted: false,
  cut: false,
  floor: "holding",
  position: null,
  onStage: true,
  standsBy: false,
  isInvited: false,
  isReturning: false,
  isForPicture: false,
  microphone: "on",
  camera: "on",
  onAirSince: new Map([["microphone", NOW - 60_000], ["camera", NOW - 60_000]]),
  arriving: { microphone: true, camera: true },
};
const IDLE: Facts = { ...SPEAKING, floor: "none", onStage: false, onAirSince: new Map(), arriving: { microphone: false, camera: false } };

describe("a device", () => {
  const open = { ...NOTHING, track: new FakeTrack("audio").asTrack };

  it.each([
    ["is on when something comes of it", open, true, false, "on"],
    ["is off when its person has switched it off, whatever else is wrong", NOTHING, false, true, "off"],
    ["is missing when it could not be opened or was unplugged", NOTHING, true, false, "missing"],
    ["is muted when the system keeps it back", { ...open, isMuted: true }, true, true, "muted"],
    ["is silent when nothing comes of it", open, true, true, "silent"],
  ] as const)("%s", (_, device, isSwitchedOn, isSilent, capture) => {
    expect(captureOf(device, isSwitchedOn, isSilent)).toBe(capture);
  });
});

describe("what reaches everybody", () => {
  it("is sound and picture of whoever has both on the way and at the server", () => {
    expect(reachOf(SPEAKING, NOW)).toEqual({ microphone: null, camera: null });
  });

  it.each(["off", "muted", "silent", "missing"] as const)("is no sound of a microphone that is %s", (microphone) => {
    expect(reachOf({ ...SPEAKING, microphone }, NOW)).toEqual({ microphone, camera: null });
  });

  it("is no picture of a camera that was unplugged", () => {
    expect(reachOf({ ...SPEAKING, camera: "missing" }, NOW)).toEqual({ microphone: null, camera: "missing" });
  });

  it("is what has arrived at the server, once there was time to", () => {
    const facts: Facts = { ...SPEAKING, arriving: { microphone: false, camera: true }, onAirSince: new Map([["microphone", NOW], ["camera", NOW]]) };
    expect(reachOf(facts, NOW)).toEqual({ microphone: "settling", camera: null });
    expect(reachOf(facts, NOW + SETTLING_MS)).toEqual({ microphone: "unsent", camera: null });
  });

  it("is nothing while media is not connected", () => {
    expect(reachOf({ ...SPEAKING, media: "disconnected" }, NOW)).toEqual({ microphone: "unsent", camera: "unsent" });
  });

  it("of a chair beside the stage is not doubted: the server does not say", () => {
    const chair: Facts = { ...SPEAKING, role: "chair", floor: "none", onStage: false, arriving: { microphone: false, camera: false } };
    expect(reachOf(chair, NOW)).toEqual({ microphone: null, camera: null });
  });
});

describe("where a place stands", () => {
  it.each([
    [{ standsBy: true }, "standsBy"],
    [{ isRunning: false }, "notRunning"],
    [{ isLineOpen: false }, "noLine"],
    [{ media: "connecting", isBlocked: true }, "mediaBlocked"],
    [{ media: "connecting" }, "mediaConnecting"],
    [{}, null],
  ] as const)("is idle, and what keeps it from asking is named: %j", (part, obstacle) => {
    expect(standingOf({ ...IDLE, ...part }, NOW)).toEqual({ is: "idle", obstacle });
  });

  it("is invited until somebody here has agreed to be heard", () => {
    expect(standingOf({ ...SPEAKING, isInvited: true }, NOW)).toEqual({ is: "invited", hasFloor: true, isReturning: false, isForPicture: false });
  });

  it("is muted as long as it would be on air, whatever its devices do", () => {
    expect(standingOf({ ...SPEAKING, muted: true, isInvited: true }, NOW)).toMatchObject({ is: "muted", hasFloor: true });
  });

  it("is muted in sound alone, unless its picture is cut with it", () => {
    const muted: Facts = { ...SPEAKING, muted: true };
    expect(standingOf(muted, NOW)).toEqual({ is: "muted", hasFloor: true, camera: null });
    expect(standingOf({ ...muted, camera: "off" }, NOW)).toEqual({ is: "muted", hasFloor: true, camera: "off" });
    expect(standingOf({ ...muted, cut: true }, NOW)).toEqual({ is: "muted", hasFloor: true, camera: "cut" });
  });

  it("is shown, and not heard, once it has agreed to be on the stage for its picture", () => {
    const asked: Facts = { ...SPEAKING, floor: "none", muted: true, isForPicture: true };
    expect(standingOf({ ...asked, isInvited: true }, NOW)).toMatchObject({ is: "invited", isForPicture: true });
    expect(standingOf(asked, NOW)).toEqual({ is: "shown", camera: null });
    expect(standingOf({ ...asked, camera: "off" }, NOW)).toEqual({ is: "shown", camera: "off" });
  });

  it("of a hall is on air without the floor", () => {
    const hall: Facts = { ...IDLE, role: "hall", camera: "off" };
    expect(standingOf(hall, NOW)).toMatchObject({ is: "onAir", hasFloor: false, reach: { camera: "off" } });
  });
});

describe("what the server is told", () => {
  it("is nothing of devices that nobody is to see or hear", () => {
    expect(conditionOf(IDLE, false)).toEqual({ microphone: null, camera: null, mediaBlocked: false });
  });

  it("is what stands on the page", () => {
    const facts: Facts = { ...SPEAKING, microphone: "silent", isBlocked: true };
    expect(conditionOf(facts, true)).toEqual({ microphone: "silent", camera: "on", mediaBlocked: true });
  });
});
