import { describe, expect, it } from "vitest";
import { systemOf, wayOf } from "../src/permission.ts";

const WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)";
const BROWSERS = [
  ["Chrome", `${WINDOWS} Chrome/156.0.0.0 Safari/537.36`, "sliders", "windows"],
  ["the last Chrome of Windows 7", `${WINDOWS.replace("10.0", "6.1")} Chrome/109.0.0.0 Safari/537.36`, "padlock", "windows"],
  ["Edge", `${WINDOWS} Chrome/156.0.0.0 Safari/537.36 Edg/156.0.0.0`, "padlock", "windows"],
  ["Firefox", "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:153.0) Gecko/20100101 Firefox/153.0", "firefox", "windows"],
  ["Safari", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15", "safari", "mac"],
  ["an iPhone", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1", "iphone", "phone"],
  ["Chrome on Android", "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Mobile Safari/537.36", "android", "phone"],
  ["a browser that nobody knows", "Lynx/2.9", "other", "other"],
] as const;

describe("where a device is allowed", () => {
  it.each(BROWSERS)("is told for %s", (_, userAgent, way, system) => {
    expect([wayOf(userAgent), systemOf(userAgent)]).toEqual([way, system]);
  });
});
