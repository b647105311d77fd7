// States of the office's pages.

import { fill, key, later, present, press, reads, steps } from "./steps.mjs";

/** A state with what the make-believe server is told of it. */
const state = (name, office, act, options = {}) => [`office-${name}`, "/office", { office }, act, options];
const brief = { isBrief: true };
/** The server knows nobody any more. */
const endLogin = (page) => page.evaluate(() => fetch("/end-login"));
const home = present("main h1");

export const OFFICES = [
  // Before somebody has logged in.
  state("login", { hash: "" }, reads("login.forgotten")),
  state("login-providers", { hash: "", ways: { providers: [{ id: "vnpt", name: "VNPT SmartCA" }, { id: "adfs", name: "Microsoft AD FS" }] } }, reads("login.or")),
  state("login-first", { hash: "", ways: { isFirst: true } }, present(".notice"), brief),
  state("login-wrong", { hash: "" }, steps(reads("login.forgotten"), fill("input[autocomplete=username]", "ai.do"), fill("input[type=password]", "x"), press("login.enter"), reads("login.wrong")), brief),
  state("login-waiting", { hash: "", holds: ["GET /login"] }, present(".spinner"), brief),
  state("login-unreached", { hash: "", refuses: { "GET /login": [503, { code: "overloaded", message: "mock" }] } }, reads("office.unreached_title"), brief),
  state("welcome-first", { hash: "#welcome=AAAA", ways: { isFirst: true } }, reads("login.welcome_first_title")),
  state("welcome", { hash: "#welcome=AAAA" }, steps(reads("login.welcome_title"), press("login.set"), reads("login.too_short")), brief),
  state("welcome-used", { hash: "#welcome=AAAA", refuses: { "POST /login/welcome": [401, { code: "login_code_invalid", message: "mock" }] } }, steps(
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
  state("sites", { as: "admin", hash: "#/sites" }, present("tbody tr")),
  state("sites-none", { as: "admin", hash: "#/sites" }, steps(present("tbody tr"), fill("input[type=search]", "zzzz"), reads("directory.none")), brief),
  state("sites-refused", { as: "admin", hash: "#/sites", refuses: { "GET /sites": [503, { code: "overloaded", message: "mock" }] } }, reads("office.refused.overloaded"), brief),
  state("ended", { as: "admin", hash: "#/sites" }, steps(present("tbody tr"), endLogin, fill("input[type=search]", "tan thanh"), reads("login.ended_text"))),
];
