// People log in by a provider that knows them, and do here what its groups say.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { BUTTON, LogInProvider, says } from "../lib/provider.mjs";
import { until } from "../lib/until.mjs";
import { Visitor } from "../lib/visitor.mjs";
import { World } from "../lib/world.mjs";

/** Whom the provider knows. */
const PEOPLE = {
  an: { name: "Nguyễn Thị An", groups: ["can-bo", "hop-dieu-hanh"] },
  binh: { name: "Trần Bình", groups: ["hop-ha-noi"] },
  chi: { name: "Lê Chi", groups: ["can-bo"] },
  dung: { name: "Phạm Dũng", groups: ["hop-kiem-toan"] },
};

/** What its groups may do here. */
const GROUPS = `
[accounts.oidc.bo.roles]
hop-dieu-hanh = "national"
hop-kiem-toan = "auditor"

[accounts.oidc.bo.provinces]
hop-ha-noi = "01"
`;

describe("people whom a provider knows", { timeout: 240_000 }, () => {
  const world = new World();
  let provider, browser, base;

  before(async () => {
    provider = await LogInProvider.start(structuredClone(PEOPLE));
    world.later(() => provider.stop());
    await world.start(provider.settings(world.directory, GROUPS));
    base = `http://127.0.0.1:${world.server.port}`;
    provider.serve(base);
    browser = await world.browser();
  });
  after(() => world.end());

  /** Somebody at the log-in of the office, in a browser of their own. */
  const comes = (hash = "") => Visitor.open(browser, `${base}/office${hash}`);

  const leaves = (visitor) => visitor.page.getByRole("link", { name: BUTTON }).click();

  async function logsIn(who, hash) {
    const visitor = await comes(hash);
    await leaves(visitor);
    await says(visitor, who);
    return visitor;
  }

  /** What the server answers a page of this person. */
  const asks = (visitor, path) => visitor.page.evaluate(async (path) => (await fetch(`/api/v1${path}`)).json(), path);

  /** The access log has such a line. */
  function noted(line) {
    const access = world.server.log.split("\n").filter((one) => one.includes("dinh::access"));
    assert.ok(access.some((one) => line.test(one)), access.slice(-5).join("\n"));
  }

  it("come in as what their groups say, at the page where they were", async () => {
    const an = await logsIn("an", "#/sites");
    await an.page.getByRole("treeitem").first().waitFor();
    assert.equal(new URL(an.page.url()).hash, "#/sites");
    await an.reads("Nguyễn Thị An");
    const { account } = await asks(an, "/login");
    const { role, provider: by, email } = account;
    assert.deepEqual({ role, by, email }, { role: "national", by: "bo", email: "an@example.vn" });
    const [act] = await world.server.rest(`/acts?account=${account.id}`);
    assert.equal(act.name, "Nguyễn Thị An");
    noted(/logged in.*name="Nguyễn Thị An" role=national.*way="bo"/u);
    an.wasWell();
  });

  it("see one province if they are its operators", async () => {
    const all = await world.server.rest("/sites");
    const codes = (sites) => sites.map(({ code }) => code);
    const own = all.filter(({ code, parentCode }) => code === "01" || parentCode === "01");
    assert.ok(own.length > 1 && own.length < all.length, "there are sites elsewhere");
    const binh = await logsIn("binh", "#/sites");
    await binh.page.getByRole("treeitem").first().waitFor();
    assert.deepEqual(codes(await asks(binh, "/sites")).sort(), codes(own).sort());
    const shown = await binh.page.getByRole("main").innerText();
    const elsewhere = all.filter(({ level, code }) => level === "province" && code !== "01");
    for (const { name } of elsewhere) assert.ok(!shown.includes(name), name);
  });

  it("do not come in if none of their groups is known here, and read whom to ask", async () => {
    const chi = await logsIn("chi");
    await chi.reads("but you may not come in here yet. Ask an administrator.");
    assert.equal(new URL(chi.page.url()).hash, "", "a reload does not say it again");
    await chi.photograph("oidc-not-permitted");
    assert.equal((await asks(chi, "/login")).code, "token_invalid");
    noted(/\[\\"can-bo\\"\].*accounts\.oidc\.bo\.roles/u);
  });

  it("read that they have cancelled at the provider", async () => {
    const visitor = await comes();
    await leaves(visitor);
    await visitor.page.getByRole("link", { name: "Cancel" }).click();
    await visitor.reads("has not confirmed you, or you have cancelled");
    await visitor.page.getByRole("link", { name: BUTTON }).waitFor();
  });

  it("may do other things after their groups have changed there", async () => {
    const before = await logsIn("dung");
    await before.reads("Phạm Dũng");
    assert.equal((await asks(before, "/login")).account.role, "auditor");
    provider.people.dung = { name: "Phạm Văn Dũng", groups: ["hop-dieu-hanh"] };
    const again = await logsIn("dung");
    await again.reads("Phạm Văn Dũng");
    const { account } = await asks(again, "/login");
    assert.equal(account.role, "national");
    const same = await asks(before, "/login");
    assert.deepEqual([same.account.id, same.account.role], [account.id, "national"], "it is one account");
    provider.people.dung.groups = [];
    const gone = await logsIn("dung");
    await gone.reads("but you may not come in here yet");
    for (const visitor of [before, again]) assert.equal((await asks(visitor, "/login")).code, "login_ended");
  });

  it("are not let in by an answer that was used", async () => {
    const visitor = await comes();
    let answer;
    visitor.page.on("request", (request) => {
      if (request.url().includes("/callback?")) answer = request.url();
    });
    await leaves(visitor);
    await says(visitor, "an");
    await visitor.reads("Nguyễn Thị An");
    await visitor.press("Log out");
    await visitor.page.getByRole("link", { name: BUTTON }).waitFor();
    await visitor.page.goto(answer);
    await visitor.reads("This log-in took too long, or was used already.");
    const other = await comes();
    await other.page.goto(answer);
    await other.reads("This log-in took too long, or was used already.");
  });

  it("read that the provider is away, and log in with a password meanwhile", async () => {
    const account = await world.server.rest("/accounts", "POST", { login: "local", name: "Người tại chỗ", role: "auditor" });
    const { url } = await world.server.rest(`/accounts/${account.id}/welcome`, "POST");
    const code = new URLSearchParams(new URL(url).hash.slice(1)).get("welcome");
    const password = "con trâu đi trước";
    const set = await fetch(`${base}/api/v1/login/welcome`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ code, password }),
    });
    assert.equal(set.status, 200);
    const visitor = await comes();
    // It goes while somebody is on the way back.
    provider.goesAt = "/token";
    await leaves(visitor);
    await says(visitor, "an");
    await visitor.reads("The other log-in system does not answer.");
    await visitor.photograph("oidc-away");
    // A server that has just begun knows nothing of the provider: whoever wants to go there reads the same.
    await world.server.restart();
    const next = await comes();
    await leaves(next);
    await next.reads("The other log-in system does not answer.");
    await next.page.getByLabel("Log-in name").fill("local");
    await next.page.getByLabel("Password").fill(password);
    await next.press("Log in");
    await until("somebody is in", async () => (await asks(next, "/login")).account?.name === "Người tại chỗ");
    await next.reads("Người tại chỗ");
    next.wasWell();
  });
});
