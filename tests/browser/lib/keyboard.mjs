// A person without a mouse: goes from one thing to the next, presses it, and never finds the focus gone.

import assert from "node:assert/strict";

/** As many presses of Tab as nobody would make. */
const PATIENCE = 250;

/** Runs in the page: everything that can be pressed or written into here, in words. */
function operable() {
  const root = document.querySelector("dialog[open]") ?? document;
  const all = root.querySelectorAll("button, input, select, summary, a[href]");
  return [...all].filter((element) => element.checkVisibility({ visibilityProperty: true }) && !element.disabled).map((element) => globalThis.__called(element));
}

/** Runs in the page: what has the focus; `null` if nothing has. */
function focused() {
  const element = document.activeElement;
  if (element === null || element === document.body) return null;
  const { outlineStyle, outlineWidth } = getComputedStyle(element);
  const box = element.getBoundingClientRect();
  const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
  return {
    name: globalThis.__called(element),
    canPress: element.matches("button, input, select, summary, a[href]"),
    isMarked: outlineStyle !== "none" && Number.parseFloat(outlineWidth) >= 2,
    isInView: top !== null && (element.contains(top) || top.contains(element)),
  };
}

/** Runs in the page once: what an element is called, and a number that stays its own while its words change. */
function nameThings() {
  const known = new WeakMap();
  let last = 0;
  globalThis.__called = (element) => {
    const words = (element.getAttribute("aria-label") ?? element.labels?.[0]?.textContent ?? element.textContent ?? "").replaceAll(/\s+/gu, " ").trim();
    if (!known.has(element)) known.set(element, (last += 1));
    return `${element.tagName.toLowerCase()} "${words}" ${known.get(element)}`;
  };
}

/** The number of what is called so. */
const numberIn = (name) => name.slice(name.lastIndexOf(" ") + 1);

export class Keyboard {
  #page;

  static async at(page) {
    const keyboard = new Keyboard();
    keyboard.#page = page;
    await page.evaluate(nameThings);
    return keyboard;
  }

  focused() {
    return this.#page.evaluate(focused);
  }

  press(key) {
    return this.#page.keyboard.press(key);
  }

  /** Goes once around the page; everything is reached, seen and marked. Returns the names, in order. */
  async walk() {
    const page = this.#page;
    await this.#goToTop();
    const stops = [];
    for (let presses = 0; presses < PATIENCE; presses++) {
      await page.keyboard.press("Tab");
      const stop = await this.focused();
      // The way around leads through the browser's own buttons.
      if (stop === null) break;
      if (!stop.canPress) continue;
      assert.ok(stop.isMarked, `${stop.name} does not show that it has the focus`);
      assert.ok(stop.isInView, `${stop.name} has the focus out of sight`);
      stops.push(stop.name);
    }
    const reached = new Set(stops.map(numberIn));
    const missed = (await page.evaluate(operable)).filter((name) => !reached.has(numberIn(name)));
    assert.deepEqual(missed, [], `not reached by Tab; reached: ${stops.join(", ")}`);
    return stops;
  }

  /** Begins where a page, or a question, begins: behind its last thing. */
  async #goToTop() {
    for (let presses = 0; presses < PATIENCE; presses++) {
      await this.press("Tab");
      if ((await this.focused()) === null) return;
    }
  }

  /** Goes on to what is called so. */
  async reach(words) {
    const passed = [];
    for (let presses = 0; presses < PATIENCE; presses++) {
      const stop = await this.focused();
      if (stop !== null && stop.canPress && words.test(stop.name)) return;
      passed.push(stop?.name);
      await this.press("Tab");
    }
    assert.fail(`${words} is not reached from ${passed.slice(0, 40).join(", ")}`);
  }

  /** Presses what is called so, waits for what comes of it, and still has the focus somewhere. */
  async act(words, comesTrue, key = "Enter") {
    await this.reach(words);
    await this.press(key);
    try {
      await comesTrue();
    } catch (error) {
      const said = await this.#page.evaluate(() => document.body.innerText.replaceAll(/\s+/g, " "));
      throw new Error(`${words} brings nothing about; the focus is on ${(await this.focused())?.name}; the page says: ${said}`, { cause: error });
    }
    await this.keepsFocus(`after ${words}`);
  }

  async keepsFocus(when) {
    await this.#page.waitForTimeout(100);
    assert.notEqual(await this.focused(), null, `the focus is lost ${when}`);
  }
}
