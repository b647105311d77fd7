import { expect, it } from "vitest";
import { planWatch } from "../src/watch.ts";

const MIDS = ["9", "10", "11"];

it("gives the first free pictures to those who are wanted", () => {
  expect(planWatch(MIDS, new Map(), ["a", "b"])).toEqual([
    { mid: "9", participant: "a" },
    { mid: "10", participant: "b" },
  ]);
});

it("leaves those who stay where they are", () => {
  const shown = new Map([["9", "a"], ["10", "b"]]);
  expect(planWatch(MIDS, shown, ["b", "c"])).toEqual([{ mid: "9", participant: "c" }]);
});

it("empties the picture of those who are no longer wanted", () => {
  expect(planWatch(MIDS, new Map([["10", "b"]]), [])).toEqual([{ mid: "10", participant: null }]);
});

it("leaves out those for whom there is no picture", () => {
  const changes = planWatch(MIDS, new Map(), ["a", "b", "c", "d"]);
  expect(changes.map(({ participant }) => participant)).toEqual(["a", "b", "c"]);
});

it("does nothing twice", () => {
  const shown = new Map([["9", "a"]]);
  expect(planWatch(MIDS, shown, ["a"])).toEqual([]);
});
