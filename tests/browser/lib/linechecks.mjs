// Checks of lines as pages make them, without a browser each: begun with the code of a site's link, and what was measured.

import { request } from "node:http";
import { json } from "node:stream/consumers";

/** What a page measures where all is well. */
const GOOD = {
  clockOffsetMs: 120,
  webSocket: true,
  udp: true,
  tcp: true,
  means: "udp",
  upKilobitsPerSecond: 1_400,
  downKilobitsPerSecond: 1_900,
  roundTripMs: 38,
  jitterMs: 4,
  lossUpPercent: 0,
  lossDownPercent: 0.2,
  camera: "works",
  microphone: "works",
  decodes: true,
  framesPerSecond: 24,
  framesReceivedPerSecond: 24,
  isSecure: true,
  hasWebRtc: true,
  browser: "Chrome 141",
};

/** What is otherwise where something is amiss, by what the server calls it. */
export const AMISS = {
  mediaBlocked: { udp: false, tcp: false, means: undefined },
  rateVeryLow: { upKilobitsPerSecond: 20 },
  udpBlocked: { udp: false, means: "tcp" },
  noMicrophone: { microphone: "none" },
};

/** How many are under way at once. */
const AT_ONCE = 16;

/** The `index`th of them comes from an address of its own: of one address the server takes few. */
async function call(port, index, method, path, { code, body } = {}) {
  const headers = { ...(code && { authorization: `Bearer ${code}` }), ...(body && { "content-type": "application/json" }) };
  const localAddress = `127.1.${Math.floor(index / 250)}.${(index % 250) + 1}`;
  const response = await new Promise((done, failed) => {
    const asking = request({ host: "127.0.0.1", port, path: `/api/v1/checks${path}`, method, headers, localAddress, agent: false }, done);
    asking.once("error", failed);
    asking.end(body && JSON.stringify(body));
  });
  const answer = await json(response);
  if (response.statusCode > 299) throw new Error(`${method} /checks${path}: ${response.statusCode} ${JSON.stringify(answer)}`);
  return answer;
}

/** Checks a line for each link's code; `amiss` is one of `AMISS`, or nothing. Returns what the server says of each. */
export async function checkLines(port, lines) {
  const outcomes = [];
  const left = lines.entries();
  const work = async () => {
    for (const [index, { code, amiss }] of left) {
      const { id } = await call(port, index, "POST", "", { code });
      outcomes[index] = await call(port, index, "PUT", `/${id}/result`, { body: { ...GOOD, ...AMISS[amiss] } });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return outcomes;
}
