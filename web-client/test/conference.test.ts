import { describe, expect, it } from "vitest";
import { isOnAir, NOBODY, reduce } from "../src/conference.ts";
import type { Participant, Participants, Self } from "../src/protocol.ts";
import { WELCOME } from "./fakes/socket.ts";

const BA_DINH: Participant = {
  participant: "P1",
  role: "site",
  site: "00004",
  province: "01",
  name: "Phường Ba Đình",
  state: "present",
  device: 1,
  muted: false,
  media: "connected",
  sources: [],
  floor: "none",
};
const NGOC_HA: Participant = { ...BA_DINH, participant: "P2", site: "00008", name: "Phường Ngọc Hà" };

function changes(list: readonly Participant[], full = false): Participants {
  return { type: "participants", version: 1, full, changes: list, crowds: [] };
}

function self(part: Partial<Self>): Self {
  return { type: "self", version: 1, muted: false, floor: "none", position: null, onStage: false, device: 1, standsBy: false, arriving: { microphone: false, camera: false }, lastTurn: null, ...part };
}

describe("reduce", () => {
  it("says who we are after the welcome", () => {
    const state = reduce(NOBODY, WELCOME);
    expect(state.me).toEqual({ participant: "P1", role: "site", site: WELCOME.site });
    expect(state.conference?.title).toBe("Giao ban");
  });

  it("keeps what was known when the same participant is back", () => {
    const before = reduce(reduce(NOBODY, WELCOME), self({ floor: "waiting", position: 2 }));
    const after = reduce(before, { ...WELCOME, resumed: true });
    expect(after.self.position).toBe(2);
  });

  it("forgets everything when it comes back as somebody else", () => {
    const before = reduce(reduce(NOBODY, WELCOME), self({ floor: "waiting", position: 2 }));
    expect(reduce(before, { ...WELCOME, participant: "P9" }).self.floor).toBe("none");
    expect(reduce(before, { ...WELCOME, participant: "P9", resumed: true }).self.floor).toBe("none");
  });

  it("knows which pictures cannot be decoded here until all can", () => {
    const blind = reduce(NOBODY, { type: "undecodable", version: 1, places: ["main"] });
    expect(blind.undecodable).toEqual(["main"]);
    expect(reduce(blind, { type: "undecodable", version: 2, places: [] }).undecodable).toEqual([]);
  });

  it("keeps the last word on what the server could not do", () => {
    const refused = { conferenceFull: 0, serverFull: 0, overloaded: 12 };
    const state = reduce(NOBODY, { type: "trouble", version: 1, refused, overload: null });
    expect(state.trouble).toEqual({ refused, overload: null });
    expect(reduce(state, WELCOME).trouble).toBeNull();
  });

  it("knows who was sent away, and that another device had to go for this one", () => {
    const latest = [{ participant: "P2", role: "site", site: "00008", name: "Phường Ngọc Hà", since: "2026-11-22T02:15:00Z" }] as const;
    const state = reduce(reduce(NOBODY, { ...WELCOME, tookOver: true }), { type: "barred", version: 1, count: 1, latest });
    expect(state.tookOver).toBe(true);
    expect(state.barred).toEqual({ count: 1, latest });
    expect(reduce(state, WELCOME).tookOver).toBe(false);
  });

  it("replaces a state by its successor as a whole", () => {
    const holder = { participant: "P1", site: "00004", name: "Phường Ba Đình", since: "2026-11-22T02:15:00Z" };
    const given = reduce(NOBODY, { type: "floor", version: 1, holder, waiting: 0, queue: [] });
    expect(given.floor.holder).toEqual(holder);
    const back = reduce(given, { type: "floor", version: 2, holder: null, waiting: 1, queue: [holder] });
    expect(back.floor).toEqual({ holder: null, waiting: 1, queue: [holder] });
  });

  it("adds, changes and forgets participants", () => {
    const two = reduce(NOBODY, changes([BA_DINH, NGOC_HA]));
    const muted = reduce(two, changes([{ ...BA_DINH, muted: true }]));
    expect(muted.participants.get("P1")?.muted).toBe(true);
    const left = reduce(muted, changes([{ ...BA_DINH, state: "left" }]));
    expect([...left.participants.keys()]).toEqual(["P2"]);
  });

  it("takes a full list for everything there is", () => {
    const two = reduce(NOBODY, changes([BA_DINH, NGOC_HA]));
    expect([...reduce(two, changes([NGOC_HA], true)).participants.keys()]).toEqual(["P2"]);
  });

  it("takes a crowd apart", () => {
    const alike = {
      role: "site",
      province: "01",
      state: "present",
      device: 1,
      muted: false,
      media: "connected",
      sources: [],
      floor: "none",
    } as const;
    const crowd = { ...alike, sites: "00004 00008 00025", participants: "01JD8Y6Q0B9FJ3V2K7T5C4X1HE F 01JD8Z00000000000000000000" };
    const state = reduce(NOBODY, { type: "participants", version: 1, full: true, changes: [NGOC_HA], crowds: [crowd] });
    expect([...state.participants.keys()]).toEqual([
      "P2",
      "01JD8Y6Q0B9FJ3V2K7T5C4X1HE",
      "01JD8Y6Q0B9FJ3V2K7T5C4X1HF",
      "01JD8Z00000000000000000000",
    ]);
    expect(state.participants.get("01JD8Y6Q0B9FJ3V2K7T5C4X1HF")).toEqual({
      ...alike,
      participant: "01JD8Y6Q0B9FJ3V2K7T5C4X1HF",
      site: "00008",
      name: "00008",
    });
  });

  it("leaves the former state as it was", () => {
    const before = reduce(NOBODY, changes([BA_DINH]));
    reduce(before, changes([{ ...BA_DINH, state: "left" }]));
    expect(before.participants.size).toBe(1);
  });
});

describe("isOnAir", () => {
  it.each([
    [{ floor: "none", onStage: false } as const, false],
    [{ floor: "waiting", onStage: false } as const, false],
    [{ floor: "holding", onStage: false } as const, true],
    [{ floor: "none", onStage: true } as const, true],
  ])("with %j is %s", (part, expected) => {
    expect(isOnAir(reduce(NOBODY, self(part)))).toBe(expected);
  });
});
