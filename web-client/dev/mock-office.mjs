// The make-believe server's office: who is logged in, and what the pages ask; what a state of the gallery says holds.

/** What each role may, as far as pages ask. */
const VERBS = {
  admin: ["readSites", "amendSite", "importSites", "removeSites", "manageAccounts", "endLogins", "readActs", "readBookings", "book", "publishBooking", "readInvitations", "invite", "manageWebhooks"],
  provincial: ["readSites", "readBookings"],
};
const ACCOUNTS = {
  admin: { id: "01JDA0", login: "quan.tri", name: "Nguyễn Thị Minh Khai", role: "admin" },
  provincial: { id: "01JDA1", login: "lamdong", name: "Trần Văn Long", role: "provincial", province: "68" },
};

/** Without case and diacritics. */
const fold = (text) => text.normalize("NFD").replaceAll(/\p{M}/gu, "").toLowerCase().replaceAll("\u0111", "d");

/** Some hours ago. */
const at = (hours) => new Date(Date.now() - hours * 3_600_000).toISOString();

const PEOPLE = [
  { ...ACCOUNTS.admin, isDisabled: false, createdAt: at(2_000), lastLoginAt: at(2) },
  { ...ACCOUNTS.provincial, isDisabled: false, createdAt: at(1_000), lastLoginAt: at(30) },
  { id: "01JDA2", login: "thanh.tra", name: "Hoàng Văn Thái", role: "auditor", isDisabled: true, createdAt: at(900) },
  { id: "01JDA3", login: "ky.thuat@vnpt.example.vn", name: "Phạm Thị Ngọc Ánh", role: "technician", provider: "VNPT", isDisabled: false, createdAt: at(800), lastLoginAt: at(4) },
];

const act = (hours, who, method, route, part) => ({ id: `A${hours}`, at: at(hours), subject: `account:${who.id}`, name: who.name, account: who.id, role: who.role, token: "L0", method, route, about: route, status: 200, address: "10.20.30.40", ...part });
const ACTS = [
  act(1, ACCOUNTS.admin, "POST", "/api/v1/sites/import"),
  act(2, ACCOUNTS.provincial, "PATCH", "/api/v1/sites/{site}", { about: "/api/v1/sites/01", status: 403, code: "not_permitted" }),
  act(3, ACCOUNTS.provincial, "PATCH", "/api/v1/sites/{site}", { about: "/api/v1/sites/24769" }),
  act(4, ACCOUNTS.admin, "POST", "/api/v1/nothing", { status: 500 }),
  act(5, ACCOUNTS.admin, "POST", "/api/v1/accounts", { status: 0 }),
];

/** What a request has brought, as JSON. */
export async function bodyOf(request) {
  let text = "";
  for await (const part of request) text += part;
  return text === "" ? {} : JSON.parse(text);
}

const finding = (severity, row, code, part) => ({ severity, row, code, site: "", value: "", right: "", ...part });
const part = (total, entries) => ({ total, entries });

/** What came of looking at a list that Excel has spoiled. */
const PREVIEW = {
  digest: "mock",
  rows: 3_358,
  unchanged: 3_350,
  importable: false,
  needsConfirmation: true,
  columns: [
    { column: "code", header: "Mã điểm cầu" },
    { column: "name", header: "Tên điểm cầu" },
    { column: "parent_code", header: "Mã tỉnh" },
    { column: "contact_phone", header: "Điện thoại" },
  ],
  ignored: ["STT", "Ghi chú"],
  sheets: ["Danh sách", "Tổng hợp"],
  begins: [],
  totals: [],
  findings: part(1_204, [
    finding("error", 5, "code_cut", { column: "code", site: "4", right: "00004" }),
    finding("error", 9, "parent_unknown", { column: "parent_code", site: "00103", value: "Lâm Đông", right: "68" }),
    finding("error", 12, "parent_missing", { column: "parent_code", site: "00136", value: "commune" }),
    finding("doubt", 0, "many_vanish", { value: "512", right: "3356" }),
    finding("doubt", 21, "code_short", { column: "code", site: "145", right: "00145" }),
    finding("note", 30, "phone_short", { column: "contact_phone", site: "00160", value: "912345678", right: "0912345678" }),
    finding("note", 31, "spaces", { column: "name", site: "00163", value: " Phường Việt Hưng" }),
  ]),
  added: part(2, [
    { code: "68901", name: "Xã Tân Thành Mới", level: "commune", parentCode: "68" },
    { code: "T0001", name: "Trường Trung học phổ thông Chu Văn An", level: "school", parentCode: "00004" },
  ]),
  changed: part(1, [
    { code: "24769", name: "Phường Xuân Hương - Đà Lạt", fields: [{ column: "contact_phone", before: "0263 382 2001", after: "" }, { column: "seats", before: "", after: "120" }] },
  ]),
  vanished: part(5, [{ code: "00091", name: "Phường Phú Thượng" }]),
};

/** The same list, corrected; and one that says nowhere what its columns are. */
export const PREVIEWS = {
  good: { ...PREVIEW, importable: true, findings: part(2, PREVIEW.findings.entries.slice(3, 5)) },
  same: { ...PREVIEW, importable: true, needsConfirmation: false, findings: part(0, []), added: part(0, []), changed: part(0, []) },
  lost: {
    ...PREVIEW, digest: "", rows: 0, columns: [], ignored: [], sheets: [], findings: part(0, []), added: part(0, []), changed: part(0, []), vanished: part(0, []),
    begins: [["DANH SÁCH ĐIỂM CẦU", "", ""], ["Ký hiệu", "Tên gọi", "Ghi chú"], ["A1", "Xã Tân Thành", ""], ["A2", "Xã Tân Hội", "mới"]],
  },
};

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
    this.on("GET", "/sites/groups", () => {
      const names = this.sites.flatMap(({ groups = [] }) => groups);
      return [...new Set(names)].sort().map((name) => ({ name, sites: names.filter((one) => one === name).length }));
    });
    this.on("GET", "/sites/{site}", ({ params }) => this.#site(params.site) ?? [404, { code: "not_found", message: "there is no such site" }]);
    this.on("PATCH", "/sites/{site}", ({ params, body }) => ({ ...this.#site(params.site), ...body }));
    this.on("POST", "/sites/import/preview", () => this.#state.preview ?? PREVIEW);
    this.on("POST", "/sites/import", () => ({ added: 2, changed: 1, unchanged: 3_350, hidden: 5, removed: 0, warnings: [] }));
    this.on("GET", "/accounts", () => PEOPLE);
    this.on("GET", "/accounts/administrators", () => ({ canLogIn: 1, withPassword: 1 }));
    this.on("POST", "/accounts", ({ body }) => [201, { id: "01JDA9", isDisabled: false, createdAt: at(0), ...body }]);
    this.on("PATCH", "/accounts/{account}", ({ params, body }) => ({ ...PEOPLE.find(({ id }) => id === params.account), ...body }));
    this.on("POST", "/accounts/{account}/welcome", () => ({ url: "https://hop.example.vn/office#welcome=7KQM-2FJX-9VTP-3HWS", expiresAt: at(-72) }));
    this.on("GET", "/logins", () => PEOPLE.slice(0, 2).map((account, index) => ({ id: `L${index}`, account, begunAt: at(5), seenAt: at(index), endsAt: at(-12), address: "10.20.30.40", isOwn: index === 0 })));
    this.on("GET", "/acts", ({ query }) => ACTS.filter(({ account }) => !query.has("account") || account === query.get("account")));
    this.on("DELETE", "/login", () => {
      this.#state = { ...this.#state, as: null };
      return [204];
    });
  }

  /** One site; of the first of a province more is known. */
  #site(code) {
    const site = this.sites.find((one) => one.code === code);
    if (site === undefined) return undefined;
    const contact = { contactName: "Bà Nguyễn Thị Hoa", contactPhone: "0263 382 2001", contactEmail: "vanphong@lamdong.example.vn", seats: 60 };
    return { ...site, ...contact, lineProfile: "VNPT 100 Mbit/s", standByDevice: "Máy tính xách tay phòng họp số 2", groups: ["biên giới", "miền núi"] };
  }

  #listSites(query) {
    const [after, limit] = [query.get("after") ?? "", Number(query.get("limit") ?? 10_000)];
    const [level, parent, search, codes] = ["level", "parent", "search", "codes"].map((name) => query.get(name));
    const passes = (site) =>
      site.code > after &&
      (level === null || site.level === level) &&
      (parent === null || site.parentCode === parent) &&
      (codes === null || codes.split(",").includes(site.code)) &&
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
