// A server that a test plays by hand: it sees every WebSocket the page opens and answers as it likes.

import type { ClientMessage, ServerMessage, Welcome } from "../../src/protocol.ts";
import type { Consent, Credentials, Session, Socket } from "../../src/signaling.ts";

class FakeSocket extends EventTarget {
  readonly sent: ClientMessage[] = [];
  /** 0 until it is open, 1 then. */
  readyState: Socket["readyState"] = 0;
  isClosed = false;

  send(text: string): void {
    if (this.isClosed) return;
    const message = JSON.parse(text) as ClientMessage;
    this.sent.push(message);
    this.dispatchEvent(new CustomEvent("sent", { detail: message }));
  }

  close(): void {
    this.isClosed = true;
  }
}

export class FakeServer {
  /** Called with what the page sends, at the moment of sending. */
  onSent: (message: ClientMessage) => void = () => undefined;
  readonly sockets: FakeSocket[] = [];

  /** For the channel's `connect` option. */
  connect(): Socket {
    const socket = new FakeSocket();
    socket.addEventListener("sent", (event) => this.onSent((event as CustomEvent<ClientMessage>).detail));
    this.sockets.push(socket);
    return socket;
  }

  get last(): FakeSocket {
    const socket = this.sockets.at(-1);
    if (socket === undefined) throw new Error("the page has opened no WebSocket");
    return socket;
  }

  /** What the page sent on the newest WebSocket, without pings. */
  get heard(): readonly ClientMessage[] {
    return this.last.sent.filter(({ type }) => type !== "ping");
  }

  /** The newest message of this type on the newest WebSocket. */
  sent<T extends ClientMessage["type"]>(type: T): Extract<ClientMessage, { type: T }> {
    const found = this.last.sent.findLast((message) => message.type === type);
    if (found === undefined) throw new Error(`the page has sent no ${type}`);
    return found as Extract<ClientMessage, { type: T }>;
  }

  open(): void {
    const { last } = this;
    if (last.readyState === 1) return;
    last.readyState = 1;
    last.dispatchEvent(new Event("open"));
  }

  say(message: ServerMessage): void {
    this.last.dispatchEvent(new MessageEvent("message", { data: JSON.stringify(message) }));
  }

  /** The newest WebSocket ends with this code. */
  end(code: number): void {
    const { last } = this;
    last.isClosed = true;
    last.dispatchEvent(Object.assign(new Event("close"), { code }));
  }

  welcome(part: Partial<Welcome> = {}): void {
    this.open();
    this.say({ ...WELCOME, ...part });
  }
}

export const WELCOME: Welcome = {
  type: "welcome",
  protocol: 1,
  session: "S1",
  secret: "top",
  participant: "P1",
  role: "site",
  site: { code: "00004", name: "Phường Ba Đình" },
  conference: { id: "C1", title: "Giao ban", state: "running" },
  resumed: false,
  address: "203.0.113.7",
  resumeSeconds: 30,
  pingSeconds: 10,
  iceServers: [],
};

export class FakeCredentials implements Credentials {
  token: string | null = "token";
  session: Session | null = null;
  consent: Consent = "nothing";

  keepSession(session: Session | null): void {
    this.session = session;
  }

  keepConsent(consent: Consent): void {
    this.consent = consent;
  }
}
