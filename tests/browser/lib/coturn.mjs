// A relay of somebody else: coturn of Debian, which makes out names and passwords from a shared secret.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";

import { canConnect } from "./proxy.mjs";
import { until } from "./until.mjs";

const TURNSERVER = "/usr/bin/turnserver";

/** Why there is no relay here, or `false`. */
export const NO_COTURN = existsSync(TURNSERVER) ? false : "needs coturn";

/** Starts one at `address` that shares `secret`, with a few ports for relaying. */
export async function startCoturn(directory, address, secret) {
  const port = 20_000 + (process.pid % 10_000);
  const first = port + 10_000;
  const options = {
    "listening-ip": address,
    "listening-port": port,
    "relay-ip": address,
    "min-port": first,
    "max-port": first + 50,
    realm: "relay.example.net",
    "static-auth-secret": secret,
    "log-file": "stdout",
    pidfile: `${directory}/turnserver.pid`,
    userdb: `${directory}/turndb`,
  };
  const words = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
  const flags = ["-n", "--use-auth-secret", "--no-tls", "--no-dtls", "--no-cli", "--no-multicast-peers", "--simple-log"];
  const relay = spawn(TURNSERVER, [...flags, ...words], { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [relay.stdout, relay.stderr]) stream.on("data", (data) => (said += data));
  const stop = () => relay.kill("SIGKILL");
  try {
    await until("the relay listens", () => canConnect(address, port));
  } catch (error) {
    stop();
    throw new Error(`coturn does not listen: ${said}`, { cause: error });
  }
  return { port, stop };
}
