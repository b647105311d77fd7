// The make-believe server's office: who is logged in, and what the pages ask; what a state of the gallery says holds.

/** What each role may, as far as pages ask. */
const VERBS = {
  admin: ["readSites", "editSites", "importSites", "removeSites", "manageAccounts", "endLogins", "readActs", "readBookings", "book", "publishBooking", "invite", "manageWebhooks"],
  provincial: ["readSites", "readBookings"],
};
const ACCOUNTS = {
  admin: { id: "01JDA0", login: "quan.tri", name: "Nguyễn Thị Minh Khai", role: "admin" },
  provincial: { id: "01JDA1", login: "lamdong", name: "Trần Văn Long", role: "provincial", province: "68" },
};

/** Without case and diacritics. */
const fold = (text) => text.normalize("NFD").replaceAll(/\p{M}/gu, "").toLowerCase().replaceAll("\u0111", "d");

/** What a request has brought, as JSON. */
export async function bodyOf(request) {
  let text = "";
  for await (const part of request) text += part;
  return text === "" ? {} : JSON.parse(text);
}

export class MockOffice {
  /** What the state says: `as` who is here, `ways` how one may log in, `refuses` what is refused, by method and path. */
  #state = {};
  /** Parts of the interface, by method and path; each is given the request, what its path names, and its body. */
  #parts = [];

  constructor(sites) {
    this.sites = sites;
    this.on("GET", "/login/ways", () => ({ local: true, providers: [], isFirst: false, ...this.#state.ways }));
    this.on("GET", "/login", () => this.who() ?? [401, { code: "token_invalid", message: "nobody has logged in" }]);
    this.on("POST", "/login", ({ body }) => {
      const as = Object.keys(ACCOUNTS).find((name) => ACCOUNTS[name].login === body.login);
      if (as === undefined) return [401, { code: "login_invalid", message: "the name or the password is wrong" }];
      this.#state = { ...this.#state, as, ended: false };
      return this.who();
    });
    this.on("POST", "/login/welcome", () => {
      this.#state = { ...this.#state, as: "admin" };
      return this.who();
    });
    this.on("GET", "/sites", ({ query }) => this.#listSites(query));
    this.on("DELETE", "/login", () => {
      this.#state = { ...this.#state, as: null };
      return [204];
    });
  }

  #listSites(query) {
    const [after, limit] = [query.get("after") ?? "", Number(query.get("limit") ?? 10_000)];
    const [level, parent, search] = ["level", "parent", "search"].map((name) => query.get(name));
    const passes = (site) =>
      site.code > after &&
      (level === null || site.level === level) &&
      (parent === null || site.parentCode === parent) &&
      (search === null || fold(`${site.name} ${site.code}`).includes(fold(search)));
    const found = this.sites.filter(passes).sort((one, other) => (one.code < other.code ? -1 : 1));
    const rows = found.slice(0, limit);
    query.set("after", rows.at(-1)?.code ?? "");
    return [200, rows, found.length > limit ? { link: `</api/v1/sites?${query}>; rel="next"` } : {}];
  }

  begin(state) {
    this.#state = state;
  }

  get state() {
    return this.#state;
  }

  who() {
    const { as } = this.#state;
    return as == null ? null : { account: ACCOUNTS[as], verbs: this.#state.verbs ?? VERBS[as] };
  }

  /** Answers a method and a path, `{name}` in it standing for anything, with a value, or with a status and a value. */
  on(method, path, answer) {
    const pattern = new RegExp(`^/api/v1${path.replaceAll(/\{(\w+)\}/gu, "(?<$1>[^/]+)")}$`, "u");
    this.#parts.push({ method, pattern, answer });
  }

  /** Whether this request is the office's; it is answered then. */
  answers(request, response) {
    const { pathname, searchParams } = new URL(request.url, "http://mock");
    if (request.headers.authorization !== undefined) return false;
    if (pathname === "/end-login") {
      this.#state = { ...this.#state, ended: true };
      response.end();
      return true;
    }
    const part = this.#parts.find(({ method, pattern }) => method === request.method && pattern.test(pathname));
    if (part === undefined) return false;
    void this.#answer(part, { request, response, pathname, query: searchParams });
    return true;
  }

  async #answer({ pattern, answer }, { request, response, pathname, query }) {
    const asked = `${request.method} ${pathname.replace("/api/v1", "")}`;
    const isLogin = pathname.startsWith("/api/v1/login");
    if (this.#state.holds?.includes(asked)) return;
    const refused = this.#state.refuses?.[asked] ?? (this.#state.ended && !isLogin ? [401, { code: "token_invalid", message: "ended" }] : undefined);
    const isJson = request.headers["content-type"]?.includes("json");
    const body = isJson ? await bodyOf(request) : {};
    const params = pattern.exec(pathname)?.groups ?? {};
    const said = refused ?? answer({ query, body, params });
    const [status, value, headers = {}] = Array.isArray(said) && typeof said[0] === "number" ? said : [200, said];
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(value === undefined ? undefined : JSON.stringify(value));
  }
}
