// A server that listens on this machine alone, reached by its port at another address too: a network without UDP gets to it.

import { once } from "node:events";
import { createConnection, createServer } from "node:net";

/** Carries what comes to `port` at `host` to that port of this machine, and back. */
export async function forward(host, port) {
  const sockets = new Set();
  const server = createServer((from) => {
    const to = createConnection({ host: "127.0.0.1", port });
    for (const [one, other] of [[from, to], [to, from]]) {
      sockets.add(one);
      one.pipe(other);
      one.once("error", () => other.destroy());
      one.once("close", () => sockets.delete(one));
    }
  });
  server.listen(port, host);
  await once(server, "listening");
  return {
    stop: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((done) => server.close(done));
    },
  };
}
