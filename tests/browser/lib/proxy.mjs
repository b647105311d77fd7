// A ministry's proxy (tinyproxy of Debian), which opens connections for those who ask by CONNECT.

import { spawn } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";

import { until } from "./until.mjs";

const TINYPROXY = "/usr/bin/tinyproxy";

/** Why there is no proxy here, or `false`. */
export const NO_PROXY = existsSync(TINYPROXY) ? false : "needs tinyproxy";

/** Starts one in a namespace, with its files in `directory`, that leads to `port` and to nothing else. */
export async function startProxy(directory, port, namespace) {
  const own = 20_000 + (process.pid % 10_000);
  const settings = [
    `Port ${own}`,
    "Timeout 600",
    "MaxClients 50",
    "DisableViaHeader Yes",
    `ConnectPort ${port}`,
    `LogFile "${join(directory, "proxy.log")}"`,
    "LogLevel Info",
  ];
  const file = join(directory, "proxy.conf");
  writeFileSync(file, `${settings.join("\n")}\n`);
  const [program, ...words] = [...namespace.prefix, TINYPROXY, "-d", "-c", file];
  const proxy = spawn(program, words, { stdio: "ignore" });
  await until("the proxy listens", () => canConnect(namespace.address, own), { seconds: 10 });
  return { port: own, stop: () => proxy.kill("SIGKILL") };
}

/** Whether somebody takes connections there. */
export function canConnect(host, port) {
  return new Promise((done) => {
    const socket = createConnection({ host, port }, () => {
      socket.destroy();
      done(true);
    });
    socket.once("error", () => done(false));
  });
}
