import { describe, expect, it } from "vitest";
import { PictureHold } from "../src/picturehold.ts";
import { read, type Reading } from "../src/stats.ts";

/** What is held back every 2 s on a line that loses these shares, of 200 packets each. */
function held(shares: readonly number[]): number[] {
  const hold = new PictureHold();
  let reading: Reading = read([]);
  return shares.map((share) => {
    const { at, packetsLost, packetsReceived } = reading;
    const lost = Math.round(200 * share);
    reading = { ...reading, at: at + 2_000, packetsLost: packetsLost + lost, packetsReceived: packetsReceived + 200 - lost };
    return hold.next(reading);
  });
}

describe("received pictures", () => {
  it("are not held back where little is lost", () => {
    expect(held([0, 0, 0.01, 0, 0.015])).toEqual([0, 0, 0, 0, 0]);
  });

  it("wait the longer for what is asked for again, the more is lost", () => {
    const longest = [0.03, 0.1, 0.2, 0.5].map((share) => Math.max(...held([0, share, share, share])));
    expect(longest).toEqual([220, 330, 440, 440]);
  });

  it("wait until nothing was lost for half a minute", () => {
    const times = held([0, 0.2, ...Array.from({ length: 30 }, () => 0)]);
    expect(times[1]).toBe(440);
    const free = times.findLastIndex((ms) => ms > 0) * 2;
    expect(free).toBeGreaterThanOrEqual(30);
    expect(times.at(-1)).toBe(0);
  });
});
