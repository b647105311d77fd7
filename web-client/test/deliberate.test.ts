import { describe, expect, it } from "vitest";
import { arrange, isAtRest, NO_PLACES, REST_MS, resting, shift } from "../src/deliberate.ts";
import { isWriting, shortcutFor } from "../src/shortcuts.ts";

describe("what stands in a list", () => {
  const first = arrange(NO_PLACES, ["a", "b", "c"], 0);

  it("is pressed knowingly once it has stood there for a while", () => {
    expect(isAtRest(first, "a", REST_MS - 1)).toBe(false);
    expect(isAtRest(first, "a", REST_MS)).toBe(true);
    expect(isAtRest(first, "z", REST_MS)).toBe(false);
  });

  it("rests again where it has moved, and not where it has stayed", () => {
    const then = arrange(first, ["a", "c", "d"], 5_000);
    expect([...resting(then, 5_000).keys()]).toEqual(["c", "d"]);
    expect(isAtRest(then, "a", 5_000)).toBe(true);
  });

  it("rests as a whole when something above has moved it", () => {
    expect([...resting(shift(first, 5_000), 5_100).keys()]).toEqual(["a", "b", "c"]);
  });

  it("is the same value while nothing has changed", () => {
    expect(arrange(first, ["a", "b", "c"], 9_000)).toBe(first);
  });
});

describe("a key", () => {
  const press = (part: Partial<Parameters<typeof shortcutFor>[0]>) => ({
    key: "g",
    code: "KeyG",
    repeat: false,
    ctrlKey: false,
    metaKey: false,
    altKey: false,
    ...part,
  });
  const long = 10_000;

  it.each([
    ["that is held", press({ repeat: true }), 0, true],
    ["with Ctrl", press({ ctrlKey: true }), 0, true],
    ["in a word", press({}), long - 300, true],
    ["while shortcuts are off", press({}), 0, false],
    ["that means nothing", press({ key: "x", code: "KeyX" }), 0, true],
  ])("%s is no shortcut", (_, pressed, lastWritten, areOn) => {
    expect(shortcutFor(pressed, long, lastWritten, areOn)).toBeNull();
  });

  it("by itself is one", () => {
    expect(shortcutFor(press({}), long, 0, true)).toBe("grantFirst");
    expect(shortcutFor(press({ key: "Escape", code: "Escape" }), long, long - 1, false)).toBe("back");
  });

  it("that opens one's own microphone wants Alt, whatever letter the system makes of it", () => {
    expect(shortcutFor(press({ key: "µ", code: "KeyM", altKey: true }), long, 0, true)).toBe("microphone");
    expect(shortcutFor(press({ key: "m", code: "KeyM" }), long, 0, true)).toBeNull();
  });

  it("that writes is one letter without a modifier", () => {
    expect([press({}), press({ key: "Enter" }), press({ altKey: true })].map(isWriting)).toEqual([true, false, false]);
  });
});
