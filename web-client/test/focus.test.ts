// @vitest-environment jsdom

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { keepFocus } from "../src/ui/focus.ts";

let life: AbortController;
let root: HTMLElement;

beforeEach(() => {
  life = new AbortController();
  root = document.createElement("div");
  root.innerHTML = `<section><div class="row"><button id="ask">Ask</button></div><button id="other">Other</button></section>`;
  document.body.replaceChildren(root);
  keepFocus(root, life.signal);
});

afterEach(() => life.abort());

const find = (selector: string): HTMLElement => document.querySelector<HTMLElement>(selector) ?? root;
/** Observers are told. */
const told = (): Promise<void> => Promise.resolve();

describe("the focus", () => {
  it("stays near when the button that had it goes away", async () => {
    find("#ask").focus();
    find("#ask").remove();
    await told();
    expect(document.activeElement).toBe(find(".row"));
  });

  it("goes as far out as what is left", async () => {
    find("#ask").focus();
    find("section").replaceWith(document.createElement("main"));
    await told();
    expect(document.activeElement).toBe(root);
  });

  it("leaves a button that can no longer be pressed", async () => {
    find("#ask").focus();
    find("#ask").toggleAttribute("disabled", true);
    await told();
    expect(document.activeElement).toBe(find(".row"));
  });

  it("is not taken from what has it by now", async () => {
    find("#ask").focus();
    find("#other").focus();
    find("#ask").remove();
    await told();
    expect(document.activeElement).toBe(find("#other"));
  });

  it("that was given up by a press beside everything is given to nobody", async () => {
    find("#ask").focus();
    find("section").dispatchEvent(new MouseEvent("pointerdown", { bubbles: true }));
    find("#ask").blur();
    find("#ask").remove();
    await told();
    expect(document.activeElement).toBe(document.body);
  });
});
