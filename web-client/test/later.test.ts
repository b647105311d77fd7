import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { later } from "../src/ui/patience.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("a part that is loaded later", () => {
  it("comes when the line is there again", async () => {
    let isUp = false;
    const load = () => (isUp ? Promise.resolve("desk") : Promise.reject(new TypeError("failed to fetch")));
    const giveUp = vi.fn();
    const part = later(load, giveUp);
    await vi.advanceTimersByTimeAsync(2_000);
    isUp = true;
    await vi.advanceTimersByTimeAsync(2_000);
    await expect(part).resolves.toBe("desk");
    expect(giveUp).not.toHaveBeenCalled();
  });

  it("has the page loaded anew where it is not to be had", async () => {
    const load = () => Promise.reject(new TypeError("404"));
    const giveUp = vi.fn();
    const part = later(load, giveUp).catch(() => "none");
    await vi.advanceTimersByTimeAsync(60_000);
    await expect(part).resolves.toBe("none");
    expect(giveUp).toHaveBeenCalledOnce();
  });
});
