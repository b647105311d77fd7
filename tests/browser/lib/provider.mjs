// A provider of OpenID Connect on this machine, who knows some people: npm's `oidc-provider`, with its own pages.

import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { Provider } from "oidc-provider";

/** As whom it knows the server. */
const CLIENT = { id: "dinh", secret: randomBytes(24).toString("hex") };

/** What a server calls it, and what leads there. */
const NAME = "Bộ Nội vụ";
export const BUTTON = `Log in with ${NAME}`;

/** How a server is told of it, but for the secret; what groups there may do here is said below. */
const configuration = (issuer, groups) => `
[accounts.oidc.bo]
name = "${NAME}"
issuer = "${issuer}"
client_id = "${CLIENT.id}"
scopes = ["profile", "email", "groups"]
${groups}`;

/** Somebody at its pages says who it is, and that the server may know it. */
export async function says({ page }, who) {
  await page.locator("input[name=login]").fill(who);
  await page.locator("input[name=password]").fill("x");
  await page.getByRole("button", { name: "Sign-in" }).click();
  await page.getByRole("button", { name: "Continue" }).click();
}

/** Runs as another site than the server: browsers take `localhost` and `127.0.0.1` for two. */
export class LogInProvider {
  #server;
  #answer = (_, response) => response.writeHead(503).end();
  /** It goes when it is asked this. */
  goesAt = null;
  issuer;
  /** Whom it knows: what each is called there → name and groups. */
  people;

  /** Listens; it answers when it knows where people are sent back to. */
  static async start(people) {
    const provider = new LogInProvider();
    provider.people = people;
    provider.#server = createServer((request, response) =>
      request.url === provider.goesAt ? void provider.stop() : provider.#answer(request, response),
    );
    await new Promise((done) => provider.#server.listen(0, "127.0.0.1", done));
    provider.issuer = `http://localhost:${provider.#server.address().port}`;
    return provider;
  }

  /**
   * How a server is started that knows it, whose files are in `directory`; `groups` says what its groups may do there. The
   * server listens where browsers are sent back to.
   */
  settings(directory, groups) {
    const [config, secret] = ["dinh.toml", "secret"].map((name) => join(directory, name));
    writeFileSync(config, configuration(this.issuer, groups));
    writeFileSync(secret, `${CLIENT.secret}\n`);
    return { DINH_CONFIG: config, DINH_HTTP__LISTEN: "127.0.0.1:0", DINH_ACCOUNTS__OIDC__BO__CLIENT_SECRET_FILE: secret };
  }

  /** From now on people log in at a server at this address. */
  serve(base) {
    const callback = `${base}/api/v1/login/oidc/bo/callback`;
    const provider = new Provider(this.issuer, {
      clients: [{ client_id: CLIENT.id, client_secret: CLIENT.secret, redirect_uris: [callback], grant_types: ["authorization_code"], response_types: ["code"] }],
      scopes: ["openid", "profile", "email", "groups"],
      claims: { openid: ["sub"], profile: ["name", "preferred_username"], email: ["email"], groups: ["groups"] },
      cookies: { keys: [randomBytes(24).toString("hex")] },
      pkce: { required: () => true },
      findAccount: (_, id) => {
        const known = this.people[id];
        if (known === undefined) return undefined;
        return { accountId: id, claims: () => ({ sub: id, preferred_username: id, email: `${id}@example.vn`, ...known }) };
      },
    });
    this.#answer = provider.callback();
  }

  /** Nobody answers any more. */
  async stop() {
    if (!this.#server.listening) return;
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }
}
