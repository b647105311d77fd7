import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Publisher } from "../src/publish.ts";
import { RequestError } from "../src/signaling.ts";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

it("says again a moment later, as it is then, what it said too often", async () => {
  const said: boolean[] = [];
  let isTooOften = true;
  const publisher = new Publisher({
    announce: ({ active }) => {
      said.push(active);
      return isTooOften ? Promise.reject(new RequestError("rate_limited", "", 1)) : Promise.resolve();
    },
    wanted: () => 3,
  });
  await publisher.attach({ sender: () => null, fit: () => Promise.resolve() });
  const carrying = publisher.carry("camera", {} as MediaStreamTrack);
  await vi.advanceTimersByTimeAsync(1);
  isTooOften = false;
  await publisher.carry("camera", null);
  await vi.advanceTimersByTimeAsync(1_000);
  await carrying;
  expect(said).toEqual([true, false, false]);
});
