// @vitest-environment jsdom

import "./fakes/browser.ts";
import { mount, tick, unmount } from "svelte";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import words from "../src/locales/office/vi.json" with { type: "json" };
import type { Letter, LetterText } from "../src/office/letters.ts";
import LettersPage from "../src/ui/office/letters/LettersPage.svelte";
import type { Office } from "../src/ui/office/office.svelte.ts";

const THEIRS: LetterText = { subject: "Theirs", body: "{{ link }}" };
const MINE: LetterText = { subject: "Mine", body: "{{ link }}" };

/** A server on which somebody else changes the text right after the page has come. */
class Server {
  letter = { kind: "invitation", language: "vi", ...MINE, subject: "First", version: 1, isEdited: true, placeholders: [] } as unknown as Letter;
  sent: (LetterText & { version: number })[] = [];
  isAway = false;

  readonly api = {
    GET: () => (this.isAway ? Promise.reject(new TypeError("no network")) : answer([this.letter])),
    POST: () => answer({ problem: null, subject: "", text: "" }),
    PUT: (_: string, { body: { version, ...text } }: { body: LetterText & { version: number } }) => {
      this.sent.push({ ...text, version });
      if (version !== this.letter.version) return Promise.resolve({ error: { code: "wrong_state", message: "" }, response: { ok: false, status: 409, url: "" } });
      this.letter = { ...this.letter, ...text, version: version + 1 };
      return answer(this.letter);
    },
  };
}
const answer = (data: unknown): Promise<unknown> => Promise.resolve({ data, response: { ok: true } });

let server: Server;
let page: Record<string, unknown>;

const { letter: said, office: frame } = words;
const own = (): Element | null => document.querySelector("details");
const field = (): HTMLInputElement | null => document.querySelector("input");
const named = (button: string): HTMLButtonElement | undefined => [...document.querySelectorAll("button")].find(({ textContent }) => textContent === button);
const subject = (): string | undefined => field()?.value;
const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 10; turn++) await tick();
};
async function press(button: string): Promise<void> {
  named(button)?.click();
  await settled();
}
async function write(text: string): Promise<void> {
  const input = field();
  if (input === null) throw new Error("there is no field");
  input.value = text;
  input.dispatchEvent(new Event("input", { bubbles: true }));
  await settled();
}

beforeEach(async () => {
  Element.prototype.scrollIntoView = vi.fn();
  server = new Server();
  const office = { address: { query: new URLSearchParams() }, api: server.api } as unknown as Office;
  page = mount(LettersPage, { target: document.body, props: { office } as never });
  await settled();
  server.letter = { ...server.letter, ...THEIRS, version: 2 };
  await write("Mine");
  await press(frame.save);
});

afterEach(async () => {
  await unmount(page);
  document.body.replaceChildren();
});

describe("a letter that somebody else has changed meanwhile", () => {
  it("cannot be saved before theirs is taken, whatever is written", async () => {
    expect(named(frame.save)?.disabled).toBe(true);
    await write("Mine again");
    expect(named(frame.save)?.disabled).toBe(true);
    expect(named(said.renew)?.disabled).toBe(false);
    expect(server.sent).toHaveLength(1);
  });

  it("is theirs once it is taken, with one's own at hand", async () => {
    await press(said.renew);
    expect(subject()).toBe("Theirs");
    expect(own()?.textContent).toContain("Mine");
    await press(said.take_own);
    expect(subject()).toBe("Mine");
    await press(frame.save);
    expect(server.sent.at(-1)).toEqual({ ...MINE, version: 2 });
    expect(own()).toBeNull();
  });

  it("stays what it is while theirs cannot be fetched", async () => {
    server.isAway = true;
    await press(said.renew);
    expect(document.body.textContent).toContain(frame.unreached);
    expect(subject()).toBe("Mine");
    expect(named(frame.save)?.disabled).toBe(true);
    server.isAway = false;
    await press(said.renew);
    expect(document.body.textContent).not.toContain(frame.unreached);
    expect(subject()).toBe("Theirs");
    expect(own()?.textContent).toContain("Mine");
  });

  it("keeps one's own at hand until something is saved", async () => {
    await press(said.renew);
    await write("Both");
    expect(own()).not.toBeNull();
    await press(frame.save);
    expect(own()).toBeNull();
  });
});
