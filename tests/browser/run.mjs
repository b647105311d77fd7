// Runs every test: first those that may run beside each other, then those that measure what a busy machine would spoil, one
// after the other.

import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** What waits for most of its time, with room for a machine that is busy. Whatever is not named here runs alone. */
const BESIDE = ["clerk", "clumsy", "coturn", "doors", "keyboard", "letters", "links", "office", "oidc", "reach", "roles", "secure", "unreached"];
const AT_ONCE = 2;

const directory = fileURLToPath(new URL("test/", import.meta.url));
const nameOf = (file) => file.replace(".test.mjs", "");
const all = readdirSync(directory).filter((file) => file.endsWith(".test.mjs")).map(nameOf);
const missing = BESIDE.filter((name) => !all.includes(name));
if (missing.length > 0) throw new Error(`there is no test ${missing.join(", ")}`);

/** Whether these passed. */
function pass(names, atOnce) {
  const files = names.map((name) => `${directory}${name}.test.mjs`);
  const words = ["--test", `--test-concurrency=${atOnce}`, "--test-reporter=spec", ...files];
  return spawnSync(process.execPath, words, { stdio: "inherit" }).status === 0;
}

const passed = [pass(BESIDE, AT_ONCE), pass(all.filter((name) => !BESIDE.includes(name)), 1)];
process.exit(passed.every(Boolean) ? 0 : 1);
