// @vitest-environment jsdom

import "./fakes/browser.ts";
import { mount, tick, unmount } from "svelte";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import words from "../src/locales/office/vi.json" with { type: "json" };
import type { Booking, Details } from "../src/office/calendar/contract.ts";
import { usualDetails } from "../src/office/calendar/details.ts";
import BookingPage from "../src/ui/office/calendar/BookingPage.svelte";
import type { Office } from "../src/ui/office/office.svelte.ts";

type Sent = Partial<Details> & { readonly version: number };

const answer = (data: unknown): Promise<unknown> => Promise.resolve({ data, response: { ok: true, headers: new Headers() } });
const refuse = (status: number, code: string): Promise<unknown> => Promise.resolve({ error: { code, message: "" }, response: { ok: false, status, url: "" } });

/** A server with one booking, which somebody else may change. */
class Server {
  booking: Booking = { ...usualDetails("2026-11-30", "Asia/Ho_Chi_Minh", "vi"), title: "Giao ban", audience: { all: true }, id: "B1", version: 1, state: "published", exceptions: [], invited: 3_356 };
  sent: Sent[] = [];
  isAway = false;

  readonly api = {
    GET: (path: string) => {
      if (this.isAway) return Promise.reject(new TypeError("no network"));
      return answer(path === "/api/v1/bookings/{booking}" ? this.booking : []);
    },
    PATCH: (_: string, { body }: { body: Sent }) => {
      this.sent.push(body);
      if (body.version !== this.booking.version) return refuse(409, "booking_stale");
      this.change(body);
      return answer(this.booking);
    },
  };

  change(part: Partial<Details>): void {
    this.booking = { ...this.booking, ...part, version: this.booking.version + 1 };
  }
}

let server: Server;
let page: Record<string, unknown>;

const { booking: said, office: frame } = words;
const named = (button: string): HTMLButtonElement | undefined => [...document.querySelectorAll("button")].find(({ textContent }) => textContent === button);
const title = (): HTMLInputElement | null => document.querySelector("input[maxlength='200']");
const duration = (): HTMLInputElement | null => document.querySelector("input[type=number]");
const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await tick();
};
async function press(button: string): Promise<void> {
  named(button)?.click();
  await settled();
}
async function write(field: HTMLInputElement | null, text: string): Promise<void> {
  if (field === null) throw new Error("there is no field");
  field.value = text;
  for (const type of ["input", "change"]) field.dispatchEvent(new Event(type, { bubbles: true }));
  await settled();
}

beforeEach(async () => {
  Element.prototype.scrollIntoView = vi.fn();
  server = new Server();
  const office = { address: { query: new URLSearchParams() }, api: server.api, signal: new AbortController().signal, may: () => true, go: vi.fn() } as unknown as Office;
  page = mount(BookingPage, { target: document.body, props: { office, params: { booking: "B1" } } as never });
  await settled();
  server.change({ title: "Giao ban tháng" });
  await write(duration(), "45");
  await press(said.save);
});

afterEach(async () => {
  await unmount(page);
  document.body.replaceChildren();
});

describe("a booking that somebody else has changed meanwhile", () => {
  it("cannot be saved, published or cancelled before theirs is taken", () => {
    expect(document.body.textContent).toContain(said.stale);
    expect([said.save, said.publish_again, said.cancel].map((button) => named(button))).toEqual([undefined, undefined, undefined]);
    expect(server.sent).toHaveLength(1);
  });

  it("is theirs with what was changed here, and is saved as one", async () => {
    await press(said.renew);
    expect([title()?.value, duration()?.value]).toEqual(["Giao ban tháng", "45"]);
    expect(document.body.textContent).toContain(said.renewed);
    await press(said.save);
    expect(server.sent.at(-1)).toMatchObject({ version: 2, title: "Giao ban tháng", durationMinutes: 45 });
    expect(document.body.textContent).not.toContain(said.renewed);
  });

  it("stays what it is while theirs cannot be fetched", async () => {
    server.isAway = true;
    await press(said.renew);
    expect(document.body.textContent).toContain(frame.unreached);
    expect(duration()?.value).toBe("45");
    server.isAway = false;
    await press(said.renew);
    expect(document.body.textContent).not.toContain(frame.unreached);
    expect([title()?.value, duration()?.value]).toEqual(["Giao ban tháng", "45"]);
  });
});
