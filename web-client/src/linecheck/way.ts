// The connections of a check: whether media comes by some means, and what the line is like then.

import { triesTurn } from "./browser.ts";
import { type Begun, type Means } from "./contract.ts";
import type { Way } from "./check.ts";
import { type Figures, figuresOf, type Sample, sampleOf } from "./figures.ts";
import { FRAMES_PER_SECOND, testPicture } from "./picture.ts";
import { negotiate, type Place } from "./server.ts";

/** Over how long what a line loses is counted. Longer: one lost packet weighs less. Shorter: a person waits less. */
const LIGHT_MS = 4_500;
/** For how long a line is filled. Longer: a rate has more time to grow. */
const FULL_MS = 6_000;
/** For how long less is sent, if less came back. */
const HALF_MS = 5_000;
/** The share of what went up that must have come down for it to be no question what the line carries. */
const MUCH_OF = 0.7;
/** What a browser does at first is no light load. */
const SETTLING_MS = 1_000;
const SAMPLE_EVERY_MS = 500;
/** More than this need not be proved, in kilobits a second. */
const MOST_KILOBITS = 2_000;

/** What of an RTCPeerConnection is used here. */
type Connection = Pick<
  RTCPeerConnection,
  | "addTransceiver"
  | "createOffer"
  | "setLocalDescription"
  | "setRemoteDescription"
  | "localDescription"
  | "remoteDescription"
  | "getStats"
  | "close"
  | "iceConnectionState"
  | "connectionState"
  | "addEventListener"
>;

/** A connection that receives. */
export interface OpenWay extends Way {
  /** What the server answered: where it is. */
  readonly answer: string;
  stats(): Promise<RTCStatsReport>;
}

function configurationFor({ iceServers }: Begun, means: Means): RTCConfiguration {
  // Only of the relay it is known beforehand that nothing else is to be tried: the server answers with the rest.
  return means === "turn" ? { iceServers: [...iceServers], iceTransportPolicy: "relay" } : {};
}

/** Resolves once media may pass, rejects when it never will. */
function untilConnected(connection: Connection, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const look = (): void => {
      const { connectionState, iceConnectionState } = connection;
      if (connectionState === "connected") resolve();
      else if (connectionState === "failed" || iceConnectionState === "failed") reject(new Error("no way"));
    };
    connection.addEventListener("connectionstatechange", look);
    connection.addEventListener("iceconnectionstatechange", look);
    signal.addEventListener("abort", () => reject(new Error("it takes too long")), { once: true });
    look();
  });
}

/** The server has no address for these means: whether they pass is not known. */
class NotOffered extends Error {}

/** Connects to one place of a check. Closes everything again where that fails. */
async function connect(
  begun: Begun,
  place: Place,
  prepare: (connection: Connection) => Promise<void>,
  signal: AbortSignal,
): Promise<Connection> {
  const connection: Connection = new RTCPeerConnection(configurationFor(begun, place.means));
  try {
    await prepare(connection);
    await connection.setLocalDescription(await connection.createOffer());
    const sdp = await negotiate(begun.id, place, connection.localDescription?.sdp ?? "", signal);
    if (!/^a=candidate:/mu.test(sdp)) throw new NotOffered(place.means);
    await connection.setRemoteDescription({ type: "answer", sdp });
    await untilConnected(connection, signal);
    signal.throwIfAborted();
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

function receive(connection: Connection): Promise<void> {
  connection.addTransceiver("video", { direction: "recvonly" });
  return Promise.resolve();
}

/** Tries whether the server is reached by UDP where this page was, whatever it says of where it is. */
export async function openBeside(begun: Begun, signal: AbortSignal): Promise<Way> {
  const connection = await connect(begun, { means: "udp", direction: "receive", isBeside: true }, receive, signal);
  return { close: () => connection.close() };
}

/** Tries whether media comes by these means. */
export async function openWay(begun: Begun, means: Means, signal: AbortSignal): Promise<OpenWay | "notOffered"> {
  const urls = begun.iceServers.flatMap((server) => server.urls);
  if (means === "turn" && !triesTurn(navigator.userAgent, urls)) return "notOffered";
  const connection = await connect(begun, { means, direction: "receive" }, receive, signal).catch((error: unknown) => {
    if (error instanceof NotOffered) return null;
    throw error;
  });
  if (connection === null) return "notOffered";
  const answer = connection.remoteDescription?.sdp ?? "";
  return { answer, close: () => connection.close(), stats: () => connection.getStats() };
}

/** From now on at most so many bits a second are sent. */
async function limit(sender: RTCRtpSender | null, maxBitrate: number): Promise<void> {
  const parameters = sender?.getParameters();
  for (const encoding of parameters?.encodings ?? []) encoding.maxBitrate = maxBitrate;
  // Some browser does not let it be changed: then it is as it was.
  if (parameters !== undefined) await sender?.setParameters(parameters).catch(() => undefined);
}

const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

/** What both connections count, again and again for so long. */
async function sampled(ms: number, sending: Connection, way: OpenWay, signal: AbortSignal): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  const begin = performance.now();
  while (performance.now() - begin < ms && !signal.aborted) {
    const [sent, received] = await Promise.all([sending.getStats(), way.stats()]);
    samples.push(sampleOf(performance.now(), sent.entries(), received.entries()));
    await pause(SAMPLE_EVERY_MS);
  }
  return samples;
}

/** Sends a picture to the server and looks at what of it comes back by `way`; `null` where a hidden page drew none. */
export async function measure(begun: Begun, means: Means, way: OpenWay, signal: AbortSignal): Promise<Figures | null> {
  const picture = testPicture();
  if (picture === null) return null;
  const maxBitrate = Math.min(MOST_KILOBITS, begun.maxKilobitsPerSecond) * 1_000;
  const send = async (connection: Connection): Promise<void> => {
    const sendEncodings = [{ maxBitrate, maxFramerate: FRAMES_PER_SECOND, scalabilityMode: "L1T3" }];
    ({ sender } = connection.addTransceiver("video", { direction: "sendonly", sendEncodings }));
    await sender.replaceTrack(picture.track);
  };
  let sending: Connection | null = null;
  let sender: RTCRtpSender | null = null;
  try {
    sending = await connect(begun, { means, direction: "send" }, send, signal);
    // Browsers begin with bursts, to find out how much there is room for.
    await pause(SETTLING_MS);
    const light = await sampled(LIGHT_MS, sending, way, signal);
    picture.fill();
    const full = figuresOf({ light, full: await sampled(FULL_MS, sending, way, signal) });
    // Browsers let pages that nobody sees draw once a second: that is no measure of a line.
    if (document.hidden || full === null) return null;
    if (full.downKilobitsPerSecond >= MUCH_OF * full.upKilobitsPerSecond) return full;
    // The server lets no picture pass that fills the line down there: how much it carries a smaller one tells.
    await limit(sender, (full.upKilobitsPerSecond * 1_000) / 2);
    await pause(SETTLING_MS);
    const half = figuresOf({ light, full: await sampled(HALF_MS, sending, way, signal) });
    const downKilobitsPerSecond = Math.max(full.downKilobitsPerSecond, half?.downKilobitsPerSecond ?? 0);
    return { ...full, downKilobitsPerSecond };
  } finally {
    picture.stop();
    sending?.close();
  }
}
