// A resolver of names (RFC 1035) that knows one of them, by IPv4, and of every other one that nobody has it.

import { createSocket } from "node:dgram";
import { once } from "node:events";

const HEADER_BYTES = 12;
/** An answer of somebody who knows: QR, AA, RD, RA. */
const ANSWER = 0x8580;
const NO_SUCH_NAME = 3;
const TYPE_A = 1;
const POINTER_TO_QUESTION = 0xc00c;
const LIFE_SECONDS = 1;

/** What one question is answered. */
function answerTo(query, name, address) {
  let end = HEADER_BYTES;
  const labels = [];
  for (let length = query[end]; length > 0; length = query[end]) {
    labels.push(query.toString("latin1", end + 1, end + 1 + length));
    end += length + 1;
  }
  const type = query.readUInt16BE(end + 1);
  const isKnown = labels.join(".").toLowerCase() === name;
  const hasAddress = isKnown && type === TYPE_A;
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt16BE(query.readUInt16BE(0), 0);
  header.writeUInt16BE(ANSWER | (isKnown ? 0 : NO_SUCH_NAME), 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(hasAddress ? 1 : 0, 6);
  const record = Buffer.alloc(16);
  record.writeUInt16BE(POINTER_TO_QUESTION, 0);
  record.writeUInt16BE(TYPE_A, 2);
  record.writeUInt16BE(1, 4);
  record.writeUInt32BE(LIFE_SECONDS, 6);
  record.writeUInt16BE(4, 10);
  record.set(address.split(".").map(Number), 12);
  return Buffer.concat([header, query.subarray(HEADER_BYTES, end + 5), ...(hasAddress ? [record] : [])]);
}

/** Starts one at `address`, where `name` is; returns what ends it. */
export async function startResolver(address, name) {
  const socket = createSocket("udp4");
  socket.on("message", (query, from) => socket.send(answerTo(query, name, address), from.port, from.address));
  socket.bind(53, address);
  await once(socket, "listening");
  return () => socket.close();
}
