// A mail server that takes everything and keeps it: where invitations of a test go.

import { once } from "node:events";
import { simpleParser } from "mailparser";
import { SMTPServer } from "smtp-server";

export class Mailbox {
  #server;
  /** What came, as bytes, by the address that it is for: the first of it first. */
  #letters = new Map();

  static async open() {
    const mailbox = new Mailbox();
    mailbox.#server = new SMTPServer({
      authOptional: true,
      disabledCommands: ["STARTTLS"],
      onData: (stream, session, done) => {
        const parts = [];
        stream.on("data", (part) => parts.push(part));
        stream.on("end", () => {
          for (const { address } of session.envelope.rcptTo) mailbox.#keep(address, Buffer.concat(parts));
          done();
        });
      },
    });
    mailbox.#server.listen(0, "127.0.0.1");
    await once(mailbox.#server.server, "listening");
    return mailbox;
  }

  /** How the server is told of it. */
  get settings() {
    const { port } = this.#server.server.address();
    return { DINH_MAIL__HOST: "127.0.0.1", DINH_MAIL__PORT: `${port}`, DINH_MAIL__TLS: "none", DINH_MAIL__FROM: "Văn phòng <hop@example.vn>", DINH_MAIL__PER_MINUTE: "60000" };
  }

  #keep(address, bytes) {
    this.#letters.set(address, [...(this.#letters.get(address) ?? []), bytes]);
  }

  /** To how many something came. */
  get size() {
    return this.#letters.size;
  }

  /** The last letter to somebody, read as a mail program does. */
  async letter(address) {
    const bytes = this.#letters.get(address)?.at(-1);
    return bytes === undefined ? null : simpleParser(bytes);
  }

  /** To whom something came, who was first at the beginning. */
  get addresses() {
    return [...this.#letters.keys()];
  }

  /** To whom more than one letter came. */
  get toldTwice() {
    return [...this.#letters].filter(([, letters]) => letters.length > 1).map(([address]) => address);
  }

  close() {
    return new Promise((done) => this.#server.close(done));
  }
}
