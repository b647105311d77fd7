// States of the office's pages.

import { PREVIEWS } from "../mock-office.mjs";
import { fill, key, later, present, press, reads, steps, touch } from "./steps.mjs";

/** A state with what the make-believe server is told of it. */
const state = (name, office, act, options = {}) => [`office-${name}`, "/office", { office }, act, options];
const brief = { isBrief: true };
/** The server knows nobody any more. */
const endLogin = (page) => page.evaluate(() => fetch("/end-login"));
const tree = present("[role=treeitem][aria-level='2']");
/** A file is chosen and looked at. */
const fileOf = (name, mimeType) =>
  steps(present(".drop"), (page) => page.locator("input[type=file]").setInputFiles({ name, mimeType, buffer: Buffer.from("mock") }));
const file = fileOf("diem-cau-2026.csv", "text/csv");
const workbook = fileOf("diem-cau-2026.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet");
const list = steps(file, present("details"));
const home = present("main h1");

export const OFFICES = [
  // Before somebody has logged in.
  state("login", { hash: "" }, reads("login.forgotten")),
  state("login-providers", { hash: "", ways: { providers: [{ id: "vnpt", name: "VNPT SmartCA" }, { id: "adfs", name: "Microsoft AD FS" }] } }, reads("login.or")),
  state("login-first", { hash: "", ways: { isFirst: true } }, present(".notice"), brief),
  state("login-wrong", { hash: "" }, steps(reads("login.forgotten"), fill("input[autocomplete=username]", "ai.do"), fill("input[type=password]", "x"), press("login.enter"), reads("login.wrong")), brief),
  ...["provider_away", "provider_nonsense", "provider_denied", "login_late", "rate_limited", "not_permitted"].map((refusal, index) =>
    state(`login-${refusal.replaceAll("_", "-")}`, { hash: `#refused=${refusal}`, ways: { providers: [{ id: "vnpt", name: "VNPT SmartCA" }] } }, reads(`login.refused.${refusal}`), index === 0 ? {} : brief),
  ),
  state("login-waiting", { hash: "", holds: ["GET /login"] }, present(".spinner"), brief),
  state("login-unreached", { hash: "", refuses: { "GET /login": [503, { code: "overloaded", message: "mock" }] } }, reads("office.unreached_title"), brief),
  state("welcome-first", { hash: "#welcome=AAAA", ways: { isFirst: true } }, reads("login.welcome_first_title")),
  state("welcome", { hash: "#welcome=AAAA&login=le.van.a" }, steps(reads("login.welcome_title"), press("login.set"), reads("login.too_short")), brief),
  state("welcome-used", { hash: "#welcome=AAAA", refuses: { "POST /login/welcome": [401, { code: "login_wrong", message: "mock" }] } }, steps(
    reads("login.welcome_title"),
    fill("input >> nth=0", "một câu dài dễ nhớ"),
    fill("input >> nth=1", "một câu dài dễ nhớ"),
    press("login.set"),
    reads("login.code_used"),
  ), brief),

  // The frame.
  state("home", { as: "admin", hash: "#/" }, home),
  state("home-provincial", { as: "provincial", hash: "#/" }, home, brief),
  state("no-page", { as: "admin", hash: "#/nothing" }, reads("office.no_page_title"), brief),
  state("not-yours", { as: "provincial", hash: "#/sites", verbs: [] }, reads("office.not_yours_title"), brief),
  state("skip", { as: "admin", hash: "#/" }, steps(home, key("Tab"), later(100)), brief),

  // Sites.
  state("sites", { as: "admin", hash: "#/sites" }, tree),
  state("sites-open", { as: "admin", hash: "#/sites?site=68" }, steps(tree, present(".one .card"), later(250))),
  state("sites-saved", { as: "admin", hash: "#/sites?site=68" }, steps(tree, present(".one .card"), fill(".one input >> nth=4", "120"), press("office.save"), reads("office.saved")), brief),
  state("sites-wrong", { as: "admin", hash: "#/sites?site=68" }, steps(
    tree,
    present(".one .card"),
    fill(".one input >> nth=4", "x"),
    fill(".one input >> nth=3", "x"),
    fill(".one input >> nth=0", ""),
    press("office.save"),
    reads("office.required"),
  ), brief),
  state("sites-unknown", { as: "admin", hash: "#/sites?site=nowhere" }, reads("office.refused.not_found"), brief),
  state("sites-provincial", { as: "provincial", hash: "#/sites?site=68" }, steps(tree, present(".one .card"))),
  state("sites-empty", { as: "admin", hash: "#/sites", refuses: { "GET /sites": [200, []] } }, reads("directory.empty"), brief),
  state("sites-found", { as: "admin", hash: "#/sites" }, steps(tree, fill("input[type=search]", "tan thanh"), present("tbody tr"))),
  state("sites-none", { as: "admin", hash: "#/sites" }, steps(tree, fill("input[type=search]", "zzzz"), reads("directory.none")), brief),
  state("sites-refused", { as: "admin", hash: "#/sites", refuses: { "GET /sites": [503, { code: "overloaded", message: "mock" }] } }, reads("office.refused.overloaded"), brief),
  state("ended", { as: "admin", hash: "#/sites" }, steps(tree, endLogin, fill("input[type=search]", "tan thanh"), reads("login.ended_text"))),

  // A list of sites.
  state("import", { as: "admin", hash: "#/sites/import" }, reads("directory.drop_hint")),
  state("import-seen", { as: "admin", hash: "#/sites/import" }, steps(list, reads("directory.not_importable"))),
  ...["added", "changed", "vanished"].map((name) =>
    state(`import-${name}`, { as: "admin", hash: "#/sites/import" }, steps(list, touch(".names button", ["findings", "added", "changed", "vanished"].indexOf(name)), later(250)), brief),
  ),
  state("import-columns", { as: "admin", hash: "#/sites/import" }, steps(list, touch("summary"), later(250))),
  state("import-good", { as: "admin", hash: "#/sites/import", preview: PREVIEWS.good }, steps(list, (page) => page.locator(".wishes select").last().selectOption("remove"), reads("directory.confirm"))),
  state("import-same", { as: "admin", hash: "#/sites/import", preview: PREVIEWS.same }, steps(list, reads("directory.nothing_changes")), brief),
  state("import-lost", { as: "admin", hash: "#/sites/import", preview: PREVIEWS.lost }, steps(list, reads("directory.no_header"))),
  state("import-stale", { as: "admin", hash: "#/sites/import", preview: PREVIEWS.good, refuses: { "POST /sites/import": [409, { code: "preview_stale", message: "mock" }] } }, steps(
    list,
    touch(".confirm input"),
    press("directory.carry_out"),
    reads("office.refused.preview_stale"),
  ), brief),
  state("import-unread", { as: "admin", hash: "#/sites/import", refuses: { "POST /sites/import/preview": [400, { code: "bad_message", message: "line 3: the text is not UTF-8" }] } }, steps(file, reads("directory.encoding"), reads("directory.unread_text")), brief),
  state("import-unread-workbook", { as: "admin", hash: "#/sites/import", refuses: { "POST /sites/import/preview": [400, { code: "bad_message", message: "mock" }] } }, steps(workbook, reads("directory.unread_workbook")), brief),
  state("import-refused", { as: "admin", hash: "#/sites/import", refuses: { "POST /sites/import/preview": [409, { code: "unnamed", message: "mock" }] } }, steps(file, reads("office.refused.other")), brief),
  state("import-long", { as: "admin", hash: "#/sites/import", preview: PREVIEWS.good, holds: ["POST /sites/import"] }, steps(list, touch(".confirm input"), press("directory.carry_out"), reads("office.takes_long")), brief),
  state("import-late", { as: "admin", hash: "#/sites/import", preview: PREVIEWS.good, refuses: { "POST /sites/import": [504, { code: "timed_out", message: "mock" }] } }, steps(list, touch(".confirm input"), press("directory.carry_out"), reads("office.refused.timed_out")), brief),
  state("import-done", { as: "admin", hash: "#/sites/import", preview: PREVIEWS.good }, steps(list, touch(".confirm input"), press("directory.carry_out"), reads("directory.imported")), brief),

  // People.
  state("accounts", { as: "admin", hash: "#/accounts" }, present("tbody tr")),
  state("accounts-none", { as: "admin", hash: "#/accounts", refuses: { "GET /accounts": [200, []] } }, reads("account.none"), brief),
  state("accounts-foreign", { as: "admin", hash: "#/accounts", refuses: { "GET /accounts/administrators": [200, { canLogIn: 2, withPassword: 0, advice: "mock" }] } }, steps(present("tbody tr"), reads("account.administrators.foreign"))),
  state("accounts-missing", { as: "admin", hash: "#/accounts", refuses: { "GET /accounts/administrators": [200, { canLogIn: 0, withPassword: 0, advice: "mock" }] } }, steps(present("tbody tr"), reads("account.administrators.missing")), brief),
  state("accounts-new", { as: "admin", hash: "#/accounts" }, steps(present("tbody tr"), press("account.make"), touch("dialog form > button"), reads("account.login_wrong"))),
  state("accounts-provincial", { as: "admin", hash: "#/accounts" }, steps(present("tbody tr"), press("account.make"), (page) => page.locator("dialog select").first().selectOption("provincial"), present("dialog select >> nth=1")), brief),
  state("accounts-open", { as: "admin", hash: "#/accounts" }, steps(present("tbody tr"), touch("tbody [data-row]", 1), press("account.welcome"), reads("office.copy"))),
  state("accounts-remove", { as: "admin", hash: "#/accounts" }, steps(present("tbody tr"), touch("tbody [data-row]", 1), press("account.remove"), present("dialog .live")), brief),
  state("logins", { as: "admin", hash: "#/accounts/logins" }, present("tbody tr")),
  state("acts", { as: "admin", hash: "#/acts" }, present("tbody tr")),
  state("acts-of", { as: "admin", hash: "#/acts?account=01JDA1" }, present("tbody tr"), brief),
];
