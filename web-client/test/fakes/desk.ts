// An operator's page in jsdom, in front of a made-up country, with a hand and a keyboard.

import "./browser.ts";
import { flushSync, mount, unmount } from "svelte";
import { vi } from "vitest";
import App from "../../src/ui/App.svelte";
import { Visit } from "../../src/ui/visit.svelte.ts";
import { FakeCountry } from "./country.ts";

const TOKEN = `e30.${btoa(JSON.stringify({ conf: "C1", role: "operator" }))}.sig`;

export class FakeDesk {
  readonly country = new FakeCountry();
  readonly #page: Record<string, unknown>;
  readonly #target = document.createElement("div");

  constructor() {
    const { country } = this;
    vi.stubGlobal("WebSocket", Object.assign(function connect() {
      return country.server.connect();
    }, { OPEN: 1 }));
    vi.stubGlobal("fetch", () => Promise.resolve({ ok: true, json: () => Promise.resolve(country.roster) }));
    sessionStorage.clear();
    localStorage.clear();
    document.body.replaceChildren(this.#target);
    const location = { hash: `#token=${TOKEN}`, pathname: "/operator", search: "" } as Location;
    const visit = new Visit({ location, history: { replaceState: () => undefined } as unknown as History });
    this.#page = mount(App, { target: this.#target, props: { visit } });
  }

  /** The page's code is fetched, it joins, and is drawn. */
  async open(): Promise<void> {
    const { server } = this.country;
    await this.#until(() => server.sockets.length > 0);
    // It is open before there is anything that could speak on it.
    server.open();
    await this.#until(() => server.heard.length > 0);
    this.country.welcome();
    await this.#until(() => document.querySelector("main[data-tab]") !== null);
    await this.pass(300);
  }

  /** Waits for what is fetched, which knows nothing of the test's clock. */
  async #until(isSo: () => boolean): Promise<void> {
    for (let turn = 0; turn < 100 && !isSo(); turn++) {
      await vi.dynamicImportSettled();
      await this.pass(1);
    }
  }

  async close(): Promise<void> {
    await unmount(this.#page);
    vi.unstubAllGlobals();
  }

  /** Time passes, and the page is drawn. */
  async pass(ms: number): Promise<void> {
    await vi.advanceTimersByTimeAsync(ms);
    flushSync();
  }

  all(selector: string): readonly HTMLElement[] {
    return [...document.querySelectorAll<HTMLElement>(selector)];
  }

  get dialog(): HTMLElement | null {
    return document.querySelector<HTMLElement>("dialog[open]");
  }

  /** The text of a selector's first element; empty if there is none. */
  text(selector: string): string {
    return read(document.querySelector(selector));
  }

  /** One press of a pointer on an element; `count`: the how manieth in quick succession. */
  click(element: Element, count = 1): void {
    element.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, detail: count }));
    flushSync();
  }

  /** A key goes down where the focus is; a button under it is pressed as browsers do. */
  key(key: string, part: KeyboardEventInit = {}): void {
    const target = document.activeElement ?? document.body;
    const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...part });
    const isFree = target.dispatchEvent(event);
    if (isFree && target instanceof HTMLButtonElement && (key === "Enter" || key === " ")) {
      target.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, detail: 0 }));
    }
    flushSync();
  }

  /** Types into what has the focus. */
  type(text: string): void {
    const field = document.activeElement;
    if (field instanceof HTMLInputElement) {
      field.value = text;
      field.dispatchEvent(new Event("input", { bubbles: true }));
    } else {
      for (const letter of text) this.key(letter);
    }
    flushSync();
  }
}

/** An element's text as it is read: one space between words. */
export function read(element: Element | null | undefined): string {
  return (element?.textContent ?? "").replaceAll(/\s+/gu, " ").trim();
}
