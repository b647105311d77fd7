// @vitest-environment jsdom

import "./fakes/browser.ts";
import { flushSync, mount, unmount } from "svelte";
import { afterEach, describe, expect, it } from "vitest";
import type { AttendanceState } from "../src/attendance.ts";
import type { Place, Shown } from "../src/protocol.ts";
import Stage from "../src/ui/parts/Stage.svelte";

const HALL: Shown = { participant: "P-HALL", site: null, name: "Hội trường", source: "camera" };
const SCREEN: Shown = { ...HALL, source: "screen" };
const SPEAKER: Shown = { participant: "P-1", site: "00004", name: "Phường Ba Đình", source: "camera" };

let page: Record<string, unknown> | undefined;

afterEach(async () => {
  if (page !== undefined) await unmount(page);
  page = undefined;
});

/** Where somebody's picture stands, the large one first; seen by `me`. */
function shownTo(me: string, stage: Partial<Record<Place, Shown>>): readonly string[] {
  document.body.replaceChildren();
  const conference = {
    me: { participant: me },
    conference: { state: "running" },
    stage: { main: null, second: null, screen: null, ...stage },
    floor: { holder: { participant: SPEAKER.participant }, waiting: 0, queue: [] },
    undecodable: [],
  };
  const attendance = { conference, slots: [], isBlocked: false, saving: null } as unknown as AttendanceState;
  page = mount(Stage, { target: document.body, props: { attendance } });
  flushSync();
  const places = [...document.querySelectorAll(".place")];
  places.sort((one, other) => Number(other.classList.contains("big")) - Number(one.classList.contains("big")));
  return places.map((place) => place.querySelector(".name")?.textContent ?? "");
}

describe("the stage", () => {
  it("has whoever speaks as the large picture, and the hall beside it", () => {
    expect(shownTo("P-2", { main: HALL, second: SPEAKER })).toEqual([SPEAKER.name, HALL.name]);
  });

  it("never has one's own picture", () => {
    expect(shownTo(SPEAKER.participant, { main: HALL, second: SPEAKER })).toEqual([HALL.name]);
    expect(shownTo(HALL.participant, { main: HALL, second: SPEAKER })).toEqual([SPEAKER.name]);
    expect(shownTo(HALL.participant, { main: HALL })).toEqual([]);
  });

  it("has a shared screen as the large picture, as it must be readable", () => {
    expect(shownTo("P-2", { main: HALL, second: SPEAKER, screen: SCREEN })[0]).toContain(HALL.name);
    expect(shownTo("P-2", { main: HALL, second: SPEAKER, screen: SCREEN })[1]).toBe(HALL.name);
  });
});
