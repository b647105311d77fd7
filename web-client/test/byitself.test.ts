import { describe, expect, it } from "vitest";
import { type Checked, checkByItself, type Duty } from "../src/linecheck/byitself.ts";
import type { Outcome } from "../src/linecheck/contract.ts";

const GOOD: Outcome = { cause: "none", colour: "green", reference: "A0-K7QM", steps: [] };

/** A page for which the server names these moments, one list at each question, and a clock that waits for nobody. */
function page(answers: (readonly number[] | null)[], outcomes: (Outcome | null)[], signal = new AbortController().signal) {
  const [waited, checked]: [number[], Checked[]] = [[], []];
  let checks = 0;
  const duty: Duty = {
    due: () => Promise.resolve(answers.length === 0 ? [] : (answers.shift() as readonly number[] | null)),
    check: () => {
      checks += 1;
      return Promise.resolve(outcomes.shift() ?? null);
    },
    wait: (seconds) => {
      waited.push(seconds);
      return Promise.resolve();
    },
    random: () => 0.5,
  };
  const done = checkByItself(duty, (one) => checked.push(one), signal);
  return { done, waited, checked, checks: () => checks };
}

describe("a page that waits for its conference", () => {
  it("checks at each moment that the server names, and ends after the last", async () => {
    const one = page([[600, 3_000], [2_400], []], [GOOD, GOOD]);
    await one.done;
    expect(one.waited).toEqual([600, 2_400]);
    expect(one.checked.map(({ outcome }) => outcome)).toEqual([GOOD, GOOD]);
  });

  it("asks again each hour, because conferences are moved", async () => {
    const one = page([[80_000], [1_200], []], [GOOD]);
    await one.done;
    expect(one.waited).toEqual([3_600, 1_200]);
    expect(one.checks()).toBe(1);
  });

  it("goes on where the server did not answer", async () => {
    const one = page([null, [60], []], [GOOD]);
    await one.done;
    expect(one.waited).toEqual([3_600, 60]);
    expect(one.checked).toHaveLength(1);
  });

  it("tries once more when the server has no room, and not in the same moment as all others", async () => {
    const one = page([[60], []], [null, GOOD]);
    await one.done;
    expect(one.waited).toEqual([60, 45]);
    expect(one.checked).toHaveLength(1);
  });

  it("does no more once somebody goes in", async () => {
    const life = new AbortController();
    life.abort();
    const one = page([[60]], [GOOD], life.signal);
    await one.done;
    expect(one.waited).toEqual([]);
    expect(one.checks()).toBe(0);
  });
});
