// A certificate for these names and addresses, and the authority that has signed it, which nobody knows.

import { execFileSync } from "node:child_process";
import { isIP } from "node:net";
import { join } from "node:path";

/** Has Chromium take any certificate. */
export const ANYBODY = "--ignore-certificate-errors";

const KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

const openssl = (...words) => execFileSync("openssl", words, { stdio: "ignore" });

/** The root's file, for whoever is to know it. */
export const rootIn = (directory) => join(directory, "root.pem");

/**
 * Makes one in `directory`, good for `days` from now; returns the settings that have a server show it. Where it is
 * made anew, the server shows the new one after a while.
 */
export function certificateFor(directory, hosts, { days = 2 } = {}) {
  const [certificate, key, request, rootKey] = ["cert.pem", "key.pem", "request.pem", "root-key.pem"].map((name) => join(directory, name));
  const root = rootIn(directory);
  const authority = ["-subj", "/CN=nobody", "-addext", "basicConstraints=critical,CA:TRUE"];
  openssl("req", "-x509", ...KEY, ...authority, "-days", "2", "-keyout", rootKey, "-out", root);
  const names = hosts.map((host) => `${isIP(host) ? "IP" : "DNS"}:${host}`).join(",");
  openssl("req", ...KEY, "-subj", "/CN=dinh", "-addext", `subjectAltName=${names}`, "-keyout", key, "-out", request);
  const signed = ["-CA", root, "-CAkey", rootKey, "-copy_extensions", "copy", "-days", String(days)];
  openssl("x509", "-req", "-in", request, ...signed, "-out", certificate);
  return { DINH_TLS__CERTIFICATE: certificate, DINH_TLS__KEY: key };
}
