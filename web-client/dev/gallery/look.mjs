// Photographs one state in every size and look, and judges it: by axe, and by what no picture should have.

import axe from "axe-core/axe.min.js";
import { LOOKS, SIZES, viewsOf } from "./plans.mjs";

/** Runs in a world of its own in the page, whose clock goes on. */
function settle() {
  return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
}

/** What no picture should have. */
function faults() {
  const STAGE_PERCENT = 25;
  const found = [];
  const wide = document.documentElement.scrollWidth - innerWidth;
  if (wide > 0) found.push(`scrolls sideways by ${wide} px`);
  const root = document.querySelector("dialog[open]") ?? document;
  if (root !== document && root.scrollWidth > root.clientWidth + 1) found.push(`the dialog scrolls sideways by ${root.scrollWidth - root.clientWidth} px`);
  /** Whether a point lies in what scrolls around an element, not scrolled away. */
  const isShown = (element, x, y) => {
    for (let next = element.parentElement; next !== null; next = next.parentElement) {
      if (getComputedStyle(next).overflowY === "visible") continue;
      const { left, top, right, bottom } = next.getBoundingClientRect();
      if (x < left || x > right || y < top || y > bottom) return false;
    }
    return true;
  };
  const name = (element) => `${element.tagName.toLowerCase()} "${(element.getAttribute("aria-label") ?? element.textContent).trim().replace(/\s+/gu, " ").slice(0, 40)}"`;
  for (const element of root.querySelectorAll("button, input, select, summary, a")) {
    const box = element.getBoundingClientRect();
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    if (!element.checkVisibility({ visibilityProperty: true }) || x < 0 || y < 0 || x >= innerWidth || y >= innerHeight) continue;
    const top = document.elementFromPoint(x, y);
    if (top !== null && !element.contains(top) && !top.contains(element) && top.tagName !== "LABEL" && isShown(element, x, y)) found.push(`${name(element)} is covered by ${name(top)}`);
    if (element.tagName === "BUTTON" && element.scrollWidth > element.clientWidth + 1) found.push(`${name(element)} is too narrow for its words`);
  }
  for (const element of root.querySelectorAll("p, h1, h2, span, dd, li")) {
    const style = getComputedStyle(element);
    if (element.clientWidth < 2 || style.overflowX !== "hidden" || style.textOverflow === "ellipsis" || style.clipPath !== "none") continue;
    if (element.scrollWidth > element.clientWidth + 1) found.push(`${name(element)} is cut off`);
  }
  if (root !== document) return found;
  // Whoever attends came for the picture, however much there is to say.
  for (const stage of document.querySelectorAll(".dark > main .stage:not(:has(.stage)), .columns > main .stage:not(:has(.stage))")) {
    const { width, height } = stage.getBoundingClientRect();
    const share = Math.round((100 * width * height) / (innerWidth * innerHeight));
    if (share < STAGE_PERCENT) found.push(`the stage has ${share} % of the window`);
  }
  // However many wait, and whatever there is to say, what ends a turn or the conference is not scrolled away.
  const isSmall = innerHeight < 600;
  const ending = isSmall ? (innerWidth < 480 ? [] : [".floor .buttons > .live"]) : ["[data-holder] [data-revoke]", ".foot .end", ".floor .buttons > .live"];
  for (const element of ending.flatMap((selector) => [...document.querySelectorAll(selector)])) {
    const { top, bottom } = element.getBoundingClientRect();
    if (element.checkVisibility() && (top < 0 || bottom > innerHeight)) found.push(`${name(element)} is out of sight`);
  }
  return found;
}

/** Everything that the page says, names of buttons included. */
function words() {
  const named = [...document.querySelectorAll("[aria-label], [title], [placeholder]")];
  const attributes = named.flatMap((element) => ["aria-label", "title", "placeholder"].map((name) => element.getAttribute(name) ?? ""));
  const hints = [...document.querySelectorAll("option")].map(({ textContent }) => textContent);
  return [document.title, document.body.innerText, document.body.textContent, ...attributes, ...hints].join("\n");
}

/** Each text and name on its own. */
function texts() {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [document.title];
  while (walker.nextNode()) if (!walker.currentNode.parentElement.closest("script, style")) found.push(walker.currentNode.data);
  for (const element of document.querySelectorAll("[aria-label], [title], [placeholder], [alt]")) {
    found.push(...["aria-label", "title", "placeholder", "alt"].map((name) => element.getAttribute(name) ?? ""));
  }
  return found.map((text) => text.trim()).filter((text) => text !== "");
}

/** One page, seen from outside its clock. */
export class Looker {
  #page;
  #client;
  #world;
  /** The size that the window has, where it is known. */
  #current = null;

  static async at(page) {
    const looker = new Looker();
    looker.#page = page;
    looker.#client = await page.context().newCDPSession(page);
    const { frameTree } = await looker.#client.send("Page.getFrameTree");
    const { executionContextId } = await looker.#client.send("Page.createIsolatedWorld", { frameId: frameTree.frame.id });
    looker.#world = executionContextId;
    return looker;
  }

  async #run(expression) {
    const { result, exceptionDetails } = await this.#client.send("Runtime.evaluate", {
      expression, contextId: this.#world, awaitPromise: true, returnByValue: true,
    });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  words() {
    return this.#run(`(${words})()`);
  }

  texts() {
    return this.#run(`(${texts})()`);
  }

  /** Changes the language as a person would, whatever lies above the button. */
  async speak(language) {
    await this.#page.evaluate((code) => document.querySelector(`.languages [lang=${code}]`).click(), language);
  }

  /** The window is as it was: what is opened under forced colours keeps the background that they gave it. */
  async end() {
    await this.#page.emulateMedia(LOOKS.light);
    await this.#client.detach();
  }

  async #size(size) {
    if (size === this.#current) return;
    this.#current = size;
    const [width, height, deviceScaleFactor = 1] = size;
    await this.#client.send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor, mobile: false });
    await this.#run(`(${settle})()`);
  }

  async #violations(withColours) {
    // Once: it is as large as all else together.
    if (!(await this.#run("globalThis.axe !== undefined"))) await this.#run(`${axe.source}; 0`);
    const rules = { "target-size": { enabled: true }, "color-contrast": { enabled: withColours } };
    return this.#run(`axe.run({ rules: ${JSON.stringify(rules)}, resultTypes: ["violations"], preload: false }).then(({ violations }) => violations.map(({ id, impact, nodes }) =>
      "axe: " + id + " (" + impact + ") " + nodes.slice(0, 3).map(({ target }) => target.join(" ")).join(" | ")))`);
  }

  async #picture() {
    const { data } = await this.#client.send("Page.captureScreenshot", { format: "jpeg", quality: 82, optimizeForSpeed: true });
    return Buffer.from(data, "base64");
  }

  /** Calls `onView` with the name of each look and size, what is wrong with it, and its picture where the plan wants one. */
  async look(plan, { isBrief, isFirst }, onView) {
    let current = null;
    for (const { look, size, isJudged, withColours } of viewsOf(plan, { isBrief, isFirst })) {
      if (look !== current) await this.#page.emulateMedia({ ...LOOKS[look], reducedMotion: "reduce" });
      current = look;
      await this.#size(SIZES[size]);
      const found = await this.#run(`(${faults})()`);
      if (isJudged) found.push(...(await this.#violations(withColours)));
      await onView(`${size}-${look}`, found, plan.isPictured(isJudged, found) ? await this.#picture() : null);
    }
  }
}
