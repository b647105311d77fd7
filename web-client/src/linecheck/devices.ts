// What a check says of a camera or a microphone. Pure.

import type { Opened } from "../devices.ts";
import type { DeviceVerdict, Measured } from "./contract.ts";

/** `null`: it was not tried, or the page is what keeps it back. */
export function verdictOf({ track, problem }: Opened): DeviceVerdict | null {
  if (track !== null) return "works";
  switch (problem) {
    case "denied":
    case "dismissed":
      return "denied";
    case "missing":
    case "unplugged":
    case "unsupported":
      return "none";
    case "busy":
    case "unknown":
      return "busy";
    case "insecure":
    case null:
      return null;
  }
}

/** What is missing by the list of devices alone, which names every kind even to who may open none. */
export function missingIn(devices: readonly Pick<MediaDeviceInfo, "kind">[]): Pick<Measured, "camera" | "microphone"> {
  const has = (kind: MediaDeviceKind): boolean => devices.some((device) => device.kind === kind);
  return { ...(!has("videoinput") && { camera: "none" }), ...(!has("audioinput") && { microphone: "none" }) };
}
