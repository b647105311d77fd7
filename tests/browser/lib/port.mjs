// A port for a server that a test starts and starts again.

import { createServer } from "node:net";

/** Those below the ones that the system gives to whoever asks for any: no connection has it while a server restarts. */
const [FIRST, LAST] = [10_000, 30_000];

/** One that nobody has at `host`. */
export async function freePort(host = "127.0.0.1") {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    if (await isFree(host, port)) return port;
  }
}

const isFree = (host, port) =>
  new Promise((tell) => {
    const server = createServer().once("error", () => tell(false));
    server.listen(port, host, () => server.close(() => tell(true)));
  });
