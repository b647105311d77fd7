// What a check tries with in a real browser.

import { browserOf } from "./browser.ts";
import type { Doors } from "./check.ts";
import type { Begun, Measured } from "./contract.ts";
import { missingIn } from "./devices.ts";
import { addressesIn, remember } from "./known.ts";
import { begin, report } from "./server.ts";
import { answering, findUnreached } from "./unreached.ts";
import { measure, openBeside, type OpenWay, openWay } from "./way.ts";

function opens(socket: WebSocket, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (isOpen: boolean): void => {
      resolve(isOpen);
      socket.close();
    };
    socket.addEventListener("open", () => end(true));
    socket.addEventListener("error", () => end(false));
    signal.addEventListener("abort", () => end(false), { once: true });
  });
}

async function lookAtMachine(): Promise<Measured> {
  const { mediaDevices, userAgent } = navigator;
  const { name, isTooOld } = browserOf(userAgent);
  // Where the page is not secure there is no list, nor in the oldest browsers.
  const devices = (await mediaDevices?.enumerateDevices().catch(() => null)) ?? null;
  return {
    isSecure: globalThis.isSecureContext,
    hasWebRtc: "RTCPeerConnection" in globalThis,
    browser: name,
    isBrowserTooOld: isTooOld,
    ...(devices !== null && missingIn(devices)),
  };
}

/** Beside the line that is to be measured: none of it is there any more when that begins. */
async function know({ certificateEndsAt, time }: Begun, { answer }: OpenWay, signal: AbortSignal): Promise<void> {
  const addresses = await answering(addressesIn(answer, location.hostname), location, signal);
  remember({ addresses, certificateEndsAt, at: time });
}

/** `token`: what the link of this place is exchanged for, if it has one. */
export function doorsFor({ token, connectSocket }: { token: string | null; connectSocket: () => WebSocket }): Doors<OpenWay> {
  return {
    begin: (signal) => begin(token, signal),
    openWebSocket: (signal) => opens(connectSocket(), signal),
    open: openWay,
    know,
    findUnreached: (signal) => findUnreached(location, signal),
    openBeside,
    measure,
    report,
    machine: lookAtMachine,
    now: () => Date.now(),
  };
}
