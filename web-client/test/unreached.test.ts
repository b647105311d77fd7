import { describe, expect, it } from "vitest";
import { addressesIn, type Known, MOST_ADDRESSES, readKnown } from "../src/linecheck/known.ts";
import { replyOf, turnUrl } from "../src/linecheck/probe.ts";
import { type Signs, whyUnreached } from "../src/linecheck/unreached.ts";

const DAY_MS = 86_400_000;
const KNOWN: Known = { addresses: ["203.0.113.7"], certificateEndsAt: 30 * DAY_MS, at: 0 };
const SILENT: Signs = { name: "nothing", lookup: "nothing", nobody: "nothing", addresses: null };

const why = (signs: Partial<Signs>, known: Known | null = KNOWN, now = DAY_MS) => whyUnreached({ ...SILENT, ...signs }, known, now);

describe("why the server does not answer", () => {
  it("is its name where it answers by its address alone", () => {
    expect(why({ lookup: "unknownName", nobody: "unknownName", addresses: "answers" })).toBe("nameUnknown");
    // A resolver that is silent, or one that leads elsewhere.
    expect(why({ addresses: "answers" })).toBe("nameUnknown");
    expect(why({ nobody: "unknownName", addresses: "answers" })).toBe("nameUnknown");
  });

  it("is the port where the name is known and nothing else is heard", () => {
    expect(why({ nobody: "unknownName", addresses: "nothing" })).toBe("portBlocked");
    expect(why({ nobody: "unknownName" }, null)).toBe("portBlocked");
  });

  it("is left open where nothing passes, or too little is known", () => {
    expect(why({ addresses: "nothing" })).toBe("noAnswer");
    expect(why({ lookup: "unknownName", nobody: "unknownName", addresses: "nothing" })).toBe("noAnswer");
    expect(why({ lookup: "unknownName", nobody: "unknownName" }, null)).toBe("noAnswer");
    expect(why({ lookup: null, nobody: null }, null)).toBe("noAnswer");
  });

  it("is the certificate where it takes connections, or the clock that it is judged by", () => {
    expect(why({ name: "answers" })).toBe("certificateNotTrusted");
    expect(why({ name: "answers" }, null)).toBe("certificateNotTrusted");
    expect(why({ name: "answers" }, KNOWN, 31 * DAY_MS)).toBe("certificateExpired");
    expect(why({ name: "answers" }, { ...KNOWN, certificateEndsAt: null }, 31 * DAY_MS)).toBe("certificateNotTrusted");
    expect(why({ name: "answers" }, { ...KNOWN, at: DAY_MS }, DAY_MS / 2)).toBe("clockWrong");
  });
});

describe("an error of a TURN server", () => {
  it("tells whether the name is unknown, or nothing was reached, or somebody refused", () => {
    expect(replyOf({ errorCode: 701, errorText: "TURN host lookup received error." })).toBe("unknownName");
    expect(replyOf({ errorCode: 701, errorText: "Failed to establish connection" })).toBe("nothing");
    expect(replyOf({ errorCode: 701, errorText: "" })).toBe("nothing");
    expect(replyOf({ errorCode: 401, errorText: "Unauthorized" })).toBe("answers");
  });

  it("is asked for at a name and at addresses of both kinds", () => {
    expect(turnUrl("hop.example.vn", 443)).toBe("turn:hop.example.vn:443?transport=tcp");
    expect(turnUrl("hop.example.vn", 443, "udp")).toBe("turn:hop.example.vn:443?transport=udp");
    expect(turnUrl("2001:db8::7", 443)).toBe("turn:[2001:db8::7]:443?transport=tcp");
    expect(turnUrl("[2001:db8::7]", 443)).toBe("turn:[2001:db8::7]:443?transport=tcp");
  });
});

describe("what is known of a server", () => {
  const line = (address: string, port = 7910): string => `a=candidate:1 1 udp 2130706431 ${address} ${port} typ host\r\n`;

  it("is read as it was kept, and nothing of what is something else", () => {
    expect(readKnown(JSON.stringify(KNOWN))).toEqual(KNOWN);
    expect(readKnown(JSON.stringify({ addresses: ["a", 1], at: 2 }))).toEqual({ addresses: ["a"], certificateEndsAt: null, at: 2 });
    for (const text of [null, "", "{", "[]", "null", JSON.stringify({ addresses: "a", at: 1 })]) expect(readKnown(text)).toBeNull();
  });

  it("has each of its addresses once, and no more than are asked at once", () => {
    expect(addressesIn(`v=0\r\n${line("203.0.113.7")}${line("203.0.113.7", 443)}${line("2001:db8::7")}`, "hop.example.vn")).toEqual(["203.0.113.7", "2001:db8::7"]);
    const many = [1, 2, 3, 4, 5, 6].map((host) => line(`203.0.113.${host}`)).join("");
    expect(addressesIn(many, "hop.example.vn")).toHaveLength(MOST_ADDRESSES);
  });

  it("has those of one machine alone only on that machine", () => {
    const sdp = line("127.0.0.1") + line("10.1.1.5");
    expect(addressesIn(sdp, "hop.example.vn")).toEqual(["10.1.1.5"]);
    expect(addressesIn(sdp, "127.0.0.1")).toEqual(["127.0.0.1", "10.1.1.5"]);
  });
});
