// What the service worker does: it keeps the check's page and what that needs, and shows it where the server cannot be
// reached. Whatever the server answers goes before what is kept; nothing else is kept.

/** What of one build is kept. */
export interface Kept {
  /** Another for each build. */
  readonly version: string;
  /** The paths of files whose names say what is in them. */
  readonly files: readonly string[];
}

interface Lasting {
  waitUntil(work: Promise<unknown>): void;
}

interface Asked extends Lasting {
  readonly request: Request;
  respondWith(answer: Promise<Response>): void;
}

/** What of a service worker's surroundings is used here. */
export interface Scope {
  addEventListener(type: "install" | "activate", listener: (event: Lasting) => void): void;
  addEventListener(type: "fetch", listener: (event: Asked) => void): void;
  skipWaiting(): Promise<void>;
  fetch(what: RequestInfo, how?: RequestInit): Promise<Response>;
  readonly caches: CacheStorage;
  readonly location: Pick<Location, "origin" | "pathname">;
  readonly registration: { readonly scope: string; unregister(): Promise<boolean> };
}

/** How long the server is waited for, in milliseconds. Higher: nothing is seen for longer. Lower: a slow line shows the kept page. */
export const PATIENCE_MS = 6_000;

/** All that were ever kept are called so. */
const NAMES = "dinh-check-";

/** What the kept page has that the server's own has not; `isKept` looks for it. */
const MARK = "data-kept";

/** From this status on the server is not there: a proxy says so for it. */
const FIRST_FAILURE = 500;

const after = (ms: number): Promise<null> => new Promise((done) => setTimeout(() => done(null), ms));

class Keeper {
  /** The path of the one page that is kept. What stands behind it in an address is not: links have secrets there. */
  readonly path: string;
  readonly #scope: Scope;
  readonly #kept: Kept;

  constructor(scope: Scope, kept: Kept) {
    this.path = new URL(scope.registration.scope).pathname;
    this.#scope = scope;
    this.#kept = kept;
  }

  get #name(): string {
    return NAMES + this.#kept.version;
  }

  /** Keeps all of it, or nothing. */
  async keep(): Promise<void> {
    const cache = await this.#scope.caches.open(this.#name);
    try {
      for (const path of this.#kept.files) await cache.put(path, await this.#fetched(path, "default"));
      await cache.put(this.path, await this.#marked());
    } catch (error) {
      await this.#scope.caches.delete(this.#name);
      throw error;
    }
    await this.#scope.skipWaiting();
  }

  /** What others have kept goes. */
  async forgetOthers(): Promise<void> {
    const names = await this.#scope.caches.keys();
    const others = names.filter((name) => name.startsWith(NAMES) && name !== this.#name);
    await Promise.all(others.map((name) => this.#scope.caches.delete(name)));
  }

  /** The server's page, or the kept one where there is no answer. */
  async page(event: Asked): Promise<Response> {
    const asked = this.#scope.fetch(event.request);
    const answer = await Promise.race([asked, after(PATIENCE_MS)]).catch(() => null);
    if (answer !== null && answer.status < FIRST_FAILURE) {
      event.waitUntil(this.#leaveIfUnwanted().catch(() => undefined));
      return answer;
    }
    return (await this.#find(this.path)) ?? answer ?? asked;
  }

  /** A file of this build. */
  async file(request: Request, path: string): Promise<Response> {
    return (await this.#find(path)) ?? this.#scope.fetch(request);
  }

  has(path: string): boolean {
    return this.#kept.files.includes(path);
  }

  async #find(path: string): Promise<Response | undefined> {
    const cache = await this.#scope.caches.open(this.#name);
    return cache.match(path);
  }

  async #fetched(path: string, cache: RequestCache): Promise<Response> {
    const answer = await this.#scope.fetch(path, { cache, redirect: "error", credentials: "omit" });
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status}`);
    return answer;
  }

  /** The page with a mark on it. */
  async #marked(): Promise<Response> {
    const answer = await this.#fetched(this.path, "no-cache");
    const text = await answer.text();
    // While the server changes from one build to another, a page may come that needs other files.
    const [, main] = /<script type="module"[^>]* src="([^"]+)"/u.exec(text) ?? [];
    if (main === undefined || !this.has(main)) throw new Error(`${this.path} is of another build`);
    const headers = new Headers(answer.headers);
    for (const name of ["content-encoding", "content-length", "etag"]) headers.delete(name);
    return new Response(text.replace("<html", `<html ${MARK}`), { headers });
  }

  /** A server that has no worker any more gets rid of this one. */
  async #leaveIfUnwanted(): Promise<void> {
    const answer = await this.#scope.fetch(this.#scope.location.pathname, { method: "HEAD", cache: "no-cache" });
    const isThere = answer.ok && (answer.headers.get("content-type") ?? "").includes("javascript");
    if (isThere || answer.status >= FIRST_FAILURE) return;
    await this.#scope.registration.unregister();
    const names = await this.#scope.caches.keys();
    await Promise.all(names.filter((name) => name.startsWith(NAMES)).map((name) => this.#scope.caches.delete(name)));
  }
}

/** Has a worker do all this. */
export function serve(scope: Scope, kept: Kept): void {
  const keeper = new Keeper(scope, kept);
  scope.addEventListener("install", (event) => event.waitUntil(keeper.keep()));
  scope.addEventListener("activate", (event) => event.waitUntil(keeper.forgetOthers()));
  scope.addEventListener("fetch", (event) => {
    const { request } = event;
    const { origin, pathname } = new URL(request.url);
    if (request.method !== "GET" || origin !== scope.location.origin) return;
    if (request.mode === "navigate" && pathname === keeper.path) event.respondWith(keeper.page(event));
    else if (keeper.has(pathname)) event.respondWith(keeper.file(request, pathname));
  });
}
