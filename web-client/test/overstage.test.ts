// @vitest-environment jsdom

import "./fakes/browser.ts";
import { flushSync, mount, unmount } from "svelte";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { AttendanceState } from "../src/attendance.ts";
import type { SiteRow } from "../src/roster.ts";
import type { Desk } from "../src/ui/operator/desk.svelte.ts";
import Attention from "../src/ui/operator/Attention.svelte";
import HolderCard from "../src/ui/operator/HolderCard.svelte";
import FloorPanel from "../src/ui/parts/FloorPanel.svelte";
import Sound from "../src/ui/parts/Sound.svelte";
import type { Visit } from "../src/ui/visit.svelte.ts";

let page: Record<string, unknown> | undefined;

afterEach(async () => {
  if (page !== undefined) await unmount(page);
  page = undefined;
  document.body.replaceChildren();
  vi.unstubAllGlobals();
});

const seen = (selector: string): readonly Element[] => [...document.querySelectorAll(selector)];

describe("the sentence about sound that a browser blocks", () => {
  /** Nothing is drawn by the visit here: the component is told anew what it says. */
  class Blocked {
    isSoundBlocked = false;
    volume = 1;
    isSilenced = false;
    loudspeaker = "";
    devices = { microphone: { track: null } };
  }

  beforeEach(() => vi.stubGlobal("navigator", { userActivation: { hasBeenActive: false } }));

  function blockedAtFirst(isOver: boolean): boolean {
    const visit = new Blocked() as unknown as Visit;
    const attendance = { slots: [] } as unknown as AttendanceState;
    page = mount(Sound, { target: document.body, props: { visit, attendance, isOver } });
    flushSync();
    return visit.isSoundBlocked;
  }

  it("is not said over a picture before it is so: most pages that are reloaded may play", () => {
    expect(blockedAtFirst(true)).toBe(false);
  });

  it("is said at once where it would push down what is below", () => {
    expect(blockedAtFirst(false)).toBe(true);
  });
});

describe("those to attend to", () => {
  it("are not known before the list of sites is here", () => {
    const desk = { sites: [] } as unknown as Desk;
    page = mount(Attention, { target: document.body, props: { desk, country: [], whom: "away" } });
    flushSync();
    expect(seen("h2 .tag").map(({ textContent }) => textContent)).toEqual(["–", "–"]);
    expect(seen("p")).toEqual([]);
  });

  it("are none where the list has none", () => {
    const desk = { sites: [{}] } as unknown as Desk;
    page = mount(Attention, { target: document.body, props: { desk, country: [], whom: "away" } });
    flushSync();
    expect(seen("p").map(({ textContent }) => textContent)).toEqual(["operator.nobody_like_this", "operator.nobody_like_this"]);
  });

  it("that are not here are named, lost apart from absent, and the rest is counted", () => {
    const row = (code: number, standing: string): SiteRow => ({ code: String(code), name: `${code}`, standing, isExpected: true, participants: [], ailment: null, provinceName: null }) as unknown as SiteRow;
    const country = Array.from({ length: 40 }, (_, index) => row(index, index < 3 ? "lost" : "absent"));
    const desk = { sites: [{}] } as unknown as Desk;
    page = mount(Attention, { target: document.body, props: { desk, country, whom: "away" } });
    flushSync();
    expect(seen("ul").map((list) => list.querySelectorAll("li").length)).toEqual([3, 25]);
    expect(seen("p").map(({ textContent }) => textContent)).toEqual(["floor.queue_more"]);
  });
});

describe("the card of whoever speaks", () => {
  it.each([
    ["says whom the floor can be given to while the conference is running", true, ["floor.nobody_hint"]],
    ["says nothing of that before, when nobody can be given it", false, []],
  ])("%s", (_, isRunning, hints) => {
    const desk = { participant: () => undefined, rest: { card: { arrange: () => undefined } } } as unknown as Desk;
    page = mount(HolderCard, { target: document.body, props: { desk, holder: null, isLineUp: true, isRunning } });
    flushSync();
    expect(seen(".nobody .soft").map(({ textContent }) => textContent)).toEqual(hints);
  });
});

describe("a site that waits", () => {
  it("is told in every window that it is muted", () => {
    const self = { muted: true, floor: "waiting", position: 2, onStage: false };
    const standing = { is: "waiting", position: 2 };
    const devices = { microphone: { track: null, asking: false, problem: null }, camera: { track: null, asking: false, problem: null }, list: { microphones: [], cameras: [], speakers: [] } };
    const attendance = { standing, conference: { self }, ended: null, switches: {} } as unknown as AttendanceState;
    const visit = { devices, actions: undefined, loudspeaker: "" } as unknown as Visit;
    page = mount(FloorPanel, { target: document.body, props: { visit, attendance } });
    flushSync();
    // `.hint` is what a narrow window leaves out.
    expect(seen(".said p:not(.hint)").map(({ textContent }) => textContent)).toContain("floor.muted");
  });
});
