// A provider of OpenID Connect on this machine, who knows some people: npm's `oidc-provider`, with its own pages.

import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { Provider } from "oidc-provider";

/** As whom it knows the server. */
export const CLIENT = { id: "dinh", secret: randomBytes(24).toString("hex") };

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

  /** From now on people log in, who come back to this address. */
  serve(callback) {
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
