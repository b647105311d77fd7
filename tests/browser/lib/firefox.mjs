// Firefox, as it is started here: it knows the authority of the server's certificate, and does nothing but show the page.

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import puppeteer from "puppeteer-core";

/** Nothing but the page: no updates, no plug-in downloads, no probes of the network. */
const QUIET = {
  "media.gmp-manager.updateEnabled": false,
  "media.gmp-gmpopenh264.enabled": false,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
  "app.update.enabled": false,
  "extensions.update.enabled": false,
  "datareporting.policy.dataSubmissionEnabled": false,
  "browser.safebrowsing.provider.google4.updateURL": "",
  "services.settings.server": "http://127.0.0.1:9/",
};

const DEVICES = {
  "media.peerconnection.ice.obfuscate_host_addresses": false,
  // A server without TLS stands for one with it: Firefox would not open devices for its pages.
  "media.devices.insecure.enabled": true,
  "media.getusermedia.insecure.enabled": true,
  "media.navigator.streams.fake": true,
  "media.navigator.permission.disabled": true,
};

/** Runs in a page before its own scripts. Firefox runs it in the empty one before it, too, which remembers nothing. */
export function speakEnglish() {
  if (location.protocol.startsWith("http")) localStorage.setItem("dinh.language", "en");
}

/** Starts one with these further preferences; `root` is the file of an authority that it is to trust. */
export async function launchFirefox(preferences = {}, root) {
  const profile = mkdtempSync(join(tmpdir(), "dinh-firefox-"));
  const gone = () => rmSync(profile, { recursive: true, force: true });
  try {
    if (root) {
      const database = ["-d", `sql:${profile}`];
      execFileSync("certutil", ["-N", "--empty-password", ...database]);
      execFileSync("certutil", ["-A", "-n", "dinh", "-t", "C,,", "-i", root, ...database]);
    }
    const browser = await puppeteer.launch({
      browser: "firefox",
      executablePath: "/usr/bin/firefox-esr",
      headless: true,
      userDataDir: profile,
      extraPrefsFirefox: { ...DEVICES, ...QUIET, ...preferences },
    });
    return {
      browser,
      async close() {
        await browser.close();
        gone();
      },
    };
  } catch (error) {
    gone();
    throw error;
  }
}
