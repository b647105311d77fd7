// An operator's wall while a whole country changes: it goes on smoothly, or has most of its time to spare.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

const WALL = fileURLToPath(new URL("../../../web-client/dev/wall.mjs", import.meta.url));
const CHANGES_A_SECOND = "50";
const SECONDS_FOR_EACH_VIEW = "4";

describe("an operator's wall of 3,356 sites", { timeout: 120_000 }, () => {
  it("follows fifty changes a second at 1920×1080, whatever is looked at", (t) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [WALL, CHANGES_A_SECOND, SECONDS_FOR_EACH_VIEW, "1920×1080"], { encoding: "utf8" });
    for (const line of stdout.trim().split("\n")) t.diagnostic(line);
    assert.equal(status, 0, `${stdout}${stderr}`);
  });
});
