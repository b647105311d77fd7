// What a browser tells of a server with which no page can speak: it is asked for TURN, and how far that came says something.
// Only browsers that are made of WebRTC's own library tell errors at all; Firefox does not.

/** `answers`: somebody speaks TURN there. `unknownName`: nobody knows the name. `nothing`: neither was heard. */
export type Reply = "answers" | "unknownName" | "nothing";

/** No TURN server was reached (W3C WebRTC, RTCPeerConnectionIceErrorEvent). */
const UNREACHABLE = 701;

/** How the error is called of a name that nobody knows; over TCP none of them says so. */
const LOOKUP = /lookup/iu;

/** What one error tells. A refusal is an answer. */
export function replyOf({ errorCode, errorText }: Pick<RTCPeerConnectionIceErrorEvent, "errorCode" | "errorText">): Reply {
  if (errorCode !== UNREACHABLE) return "answers";
  return LOOKUP.test(errorText) ? "unknownName" : "nothing";
}

/** Whether this browser tells. */
export function tells(): boolean {
  return "RTCPeerConnection" in globalThis && "onicecandidateerror" in RTCPeerConnection.prototype;
}

/** How a host and a port are written in the address of a TURN server. */
export function turnUrl(host: string, port: number, transport: "tcp" | "udp" = "tcp"): string {
  const isBare = host.includes(":") && !host.startsWith("[");
  return `turn:${isBare ? `[${host}]` : host}:${port}?transport=${transport}`;
}

/** Asks one, with a name and a password that are good nowhere, until it is known or the signal ends. */
export function ask(url: string, signal: AbortSignal): Promise<Reply> {
  const servers = [{ urls: url, username: "check", credential: "check" }];
  const connection = new RTCPeerConnection({ iceServers: servers, iceTransportPolicy: "relay" });
  const replies: Reply[] = [];
  return new Promise<Reply>((resolve) => {
    const end = (reply: Reply): void => {
      resolve(reply);
      connection.close();
    };
    connection.addEventListener("icecandidateerror", (event) => {
      replies.push(replyOf(event));
      if (replies.includes("answers")) end("answers");
    });
    connection.addEventListener("icegatheringstatechange", () => {
      // A name is asked for by IPv4 and by IPv6: where one of them is unknown, the other may go on.
      if (connection.iceGatheringState === "complete") end(replies.includes("unknownName") ? "unknownName" : "nothing");
    });
    signal.addEventListener("abort", () => end("nothing"), { once: true });
    connection.createDataChannel("check");
    connection.setLocalDescription().catch(() => end("nothing"));
  });
}
