// A certificate that nobody has signed, for these addresses.

import { execFileSync } from "node:child_process";
import { join } from "node:path";

/** Has a browser take any certificate. */
export const ANYBODY = "--ignore-certificate-errors";

/** Makes one in `directory`; returns the settings that have a server show it. */
export function certificateFor(directory, addresses) {
  const [certificate, key] = ["cert.pem", "key.pem"].map((name) => join(directory, name));
  const names = addresses.map((address) => `IP:${address}`).join(",");
  const subject = ["-subj", "/CN=dinh", "-addext", `subjectAltName=${names}`];
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
  const files = ["-keyout", key, "-out", certificate];
  execFileSync("openssl", ["req", "-x509", ...kind, ...subject, ...files], { stdio: "ignore" });
  return { DINH_TLS__CERTIFICATE: certificate, DINH_TLS__KEY: key };
}
