import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { PATIENCE_MS, type Scope, serve } from "../src/kept/serve.ts";

const ORIGIN = "https://hop.example.vn";
const PAGE = "/check";
const MAIN = "/assets/index-1.js";
const KEPT = { version: "1", files: [MAIN, "/assets/check-1.js"] };
const HTML = `<!doctype html><html lang="vi"><script type="module" crossorigin src="${MAIN}"></script></html>`;

/** What a browser stores, as far as it is used here. */
class FakeCaches {
  readonly kept = new Map<string, Map<string, Response>>();

  open(name: string) {
    const files = this.kept.get(name) ?? new Map<string, Response>();
    this.kept.set(name, files);
    return Promise.resolve({
      put: (path: string, response: Response) => Promise.resolve(void files.set(path, response)),
      match: (path: string) => Promise.resolve(files.get(path)?.clone()),
    });
  }

  keys(): Promise<string[]> {
    return Promise.resolve([...this.kept.keys()]);
  }

  delete(name: string): Promise<boolean> {
    return Promise.resolve(this.kept.delete(name));
  }
}

type Listener = (event: unknown) => void;

let caches: FakeCaches;
let listeners: Map<string, Listener>;
let asked: { path: string; method: string }[];
let server: (path: string, method: string) => Promise<Response>;
let isRegistered: boolean;

const html = (text = HTML): Response => new Response(text, { headers: { "content-type": "text/html", "content-encoding": "br", "content-security-policy": "default-src 'none'" } });
const script = (): Response => new Response("code", { headers: { "content-type": "text/javascript" } });

function started(kept = KEPT): void {
  listeners = new Map();
  const scope = {
    addEventListener: (type: string, listener: Listener) => void listeners.set(type, listener),
    skipWaiting: () => Promise.resolve(),
    fetch: (what: string | { url: string }, how: RequestInit = {}) => {
      const path = new URL(typeof what === "string" ? what : what.url, ORIGIN).pathname;
      asked.push({ path, method: how.method ?? "GET" });
      return server(path, how.method ?? "GET");
    },
    caches,
    location: { origin: ORIGIN, pathname: "/check-worker.js" },
    registration: { scope: ORIGIN + PAGE, unregister: () => Promise.resolve((isRegistered = false)) },
  };
  serve(scope as unknown as Scope, kept);
}

/** What an event leads to; `null` if the worker leaves it to the browser. */
async function happens(type: string, request?: { url: string; mode?: string; method?: string }): Promise<Response | null> {
  const work: Promise<unknown>[] = [];
  let answer: Promise<Response> | null = null;
  listeners.get(type)?.({
    request: request && { method: "GET", mode: "cors", ...request },
    waitUntil: (one: Promise<unknown>) => void work.push(one),
    respondWith: (given: Promise<Response>) => void (answer = given),
  });
  const response = await (answer as Promise<Response> | null);
  await Promise.all(work);
  return response;
}

const opens = (path = PAGE): Promise<Response | null> => happens("fetch", { url: ORIGIN + path, mode: "navigate" });
const names = (): string[] => [...caches.kept.keys()];

beforeEach(() => {
  vi.useFakeTimers();
  [caches, asked, isRegistered] = [new FakeCaches(), [], true];
  server = (path) => Promise.resolve(path === PAGE ? html() : script());
  started();
});
afterEach(() => void vi.useRealTimers());

describe("the worker that keeps the check's page", () => {
  it("shows the server's own page wherever that can be had, and not the kept one", async () => {
    await happens("install");
    server = () => Promise.resolve(html("newer"));
    expect(await (await opens())?.text()).toBe("newer");
  });

  it("shows the kept page, marked and with the same policy, where the server cannot be reached", async () => {
    await happens("install");
    server = () => Promise.reject(new TypeError("no network"));
    const page = await opens();
    expect(await page?.text()).toBe(HTML.replace("<html", "<html data-kept"));
    expect(page?.headers.get("content-security-policy")).toBe("default-src 'none'");
    expect(page?.headers.get("content-encoding")).toBeNull();
    const file = await happens("fetch", { url: ORIGIN + MAIN });
    expect(await file?.text()).toBe("code");
  });

  it("does not wait for ever for a server that is silent, and takes a proxy's word that it is gone", async () => {
    await happens("install");
    server = () => new Promise(() => undefined);
    const silent = opens();
    await vi.advanceTimersByTimeAsync(PATIENCE_MS);
    expect(await (await silent)?.text()).toContain("data-kept");
    server = () => Promise.resolve(new Response("bad gateway", { status: 502 }));
    expect(await (await opens())?.text()).toContain("data-kept");
  });

  it("leaves alone what is not the check's page, whatever it is", async () => {
    await happens("install");
    for (const path of ["/site", "/check/x", "/operator"]) expect(await opens(path)).toBeNull();
    for (const url of [`${ORIGIN}/api/v1/checks`, `${ORIGIN}/contact.json`, `${ORIGIN}/assets/operator-1.js`, `https://elsewhere.example${MAIN}`]) {
      expect(await happens("fetch", { url })).toBeNull();
    }
    expect(await happens("fetch", { url: ORIGIN + MAIN, method: "POST" })).toBeNull();
  });

  it("keeps the page without what stands behind its address, and nothing that is asked for later", async () => {
    await happens("install");
    await opens(`${PAGE}?x=1#token=secret`);
    await happens("fetch", { url: `${ORIGIN}/api/v1/checks` });
    expect(names()).toEqual(["dinh-check-1"]);
    expect([...(caches.kept.get("dinh-check-1")?.keys() ?? [])]).toEqual([...KEPT.files, PAGE]);
  });

  it("keeps nothing where not all of it can be had, or where it is of two builds", async () => {
    server = (path) => Promise.resolve(path === MAIN ? new Response("", { status: 404 }) : html());
    await expect(happens("install")).rejects.toThrow(/404/u);
    server = (path) => Promise.resolve(path === PAGE ? html(HTML.replace(MAIN, "/assets/index-2.js")) : script());
    await expect(happens("install")).rejects.toThrow(/another build/u);
    expect(names()).toEqual([]);
  });

  it("forgets what former builds have kept, and nothing of others", async () => {
    await happens("install");
    await caches.open("others");
    started({ ...KEPT, version: "2" });
    await happens("install");
    await happens("activate");
    expect(names().sort()).toEqual(["dinh-check-2", "others"]);
  });

  it("goes, with all that it has kept, once the server has none any more", async () => {
    await happens("install");
    server = (path) => Promise.resolve(path === PAGE ? html() : new Response("", { status: 404 }));
    expect(await (await opens())?.text()).toBe(HTML);
    expect([isRegistered, names()]).toEqual([false, []]);
  });

  it("stays where the server has one, or does not say", async () => {
    await happens("install");
    await opens();
    expect(asked.at(-1)).toEqual({ path: "/check-worker.js", method: "HEAD" });
    server = (path) => (path === PAGE ? Promise.resolve(html()) : Promise.resolve(new Response("", { status: 503 })));
    await opens();
    server = (path) => (path === PAGE ? Promise.resolve(html()) : Promise.reject(new TypeError("gone")));
    await opens();
    expect([isRegistered, names()]).toEqual([true, ["dinh-check-1"]]);
  });
});
