import { describe, expect, it } from "vitest";
import { browserOf, triesTurn } from "../src/linecheck/browser.ts";
import { missingIn, verdictOf } from "../src/linecheck/devices.ts";
import { codeIn, hasCode, readRecords } from "../src/linecheck/records.ts";
import { NOTHING } from "../src/devices.ts";
import { joinRoster, readRoster, rowsOf } from "../src/roster.ts";
import { FakeTrack } from "./fakes/connection.ts";

describe("the browser of a place", () => {
  const chromium = (version: number, more = ""): string => `Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) ${more}Chrome/${version}.0.0.0 Safari/537.36`;
  it.each([
    [chromium(156), "Chrome 156", false],
    [chromium(103), "Chrome 103", true],
    [`${chromium(156)} Edg/156.0.0.0`, "Edge 156", false],
    // It counts by itself; what it is made of is new enough.
    [chromium(120, "coc_coc_browser/108.0 "), "Coc Coc 108", false],
    ["Mozilla/5.0 (Windows NT 6.1; rv:115.0) Gecko/20100101 Firefox/115.0", "Firefox 115", false],
    ["Mozilla/5.0 (Windows NT 6.1; rv:78.0) Gecko/20100101 Firefox/78.0", "Firefox 78", true],
    ["Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/15.6 Safari/605.1.15", "Safari 15", true],
    ["Mozilla/5.0 (iPhone; CPU iPhone OS 17_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1", "Safari 17", false],
    ["Mozilla/5.0 (iPhone; CPU iPhone OS 17_5) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/99.0 Mobile/15E148 Safari/605.1.15", "Firefox 99", false],
  ])("%s", (userAgent, name, isTooOld) => expect(browserOf(userAgent)).toEqual({ name, isTooOld }));

  it("that says nothing known is named as it names itself, and not too long", () => {
    expect(browserOf("x".repeat(200))).toEqual({ name: "x".repeat(64), isTooOld: false });
  });
});

describe("a device of a place", () => {
  it("works, or is missing, kept back or in use", () => {
    expect(verdictOf({ ...NOTHING, track: new FakeTrack("video").asTrack })).toBe("works");
    expect(verdictOf({ ...NOTHING, problem: "dismissed" })).toBe("denied");
    expect(verdictOf({ ...NOTHING, problem: "unplugged" })).toBe("none");
    expect(verdictOf({ ...NOTHING, problem: "busy" })).toBe("busy");
  });

  it("is not judged before it was tried, or where the page is what keeps it back", () => {
    expect(verdictOf(NOTHING)).toBeNull();
    expect(verdictOf({ ...NOTHING, problem: "insecure" })).toBeNull();
  });

  it("is missing where the list names none of its kind", () => {
    expect(missingIn([{ kind: "audioinput" }, { kind: "audiooutput" }])).toEqual({ camera: "none" });
    expect(missingIn([{ kind: "audioinput" }, { kind: "videoinput" }])).toEqual({});
  });
});

describe("the latest checks", () => {
  const BODY = [
    { code: "K7QM", reference: "U1-K7QM", at: "2026-11-26T09:45:00Z", site: "00004", address: "10.1.2.3", cause: "udpBlocked", colour: "amber", measured: { udp: false } },
    { reference: "G1-AB2C", at: "2026-11-26T09:46:00Z", site: null, address: "10.1.2.4", cause: "allGood", colour: "green" },
    { reference: "G1-XXXX" },
  ];
  const RECORDS = readRecords(BODY);

  it("are read, and what is none is left out", () => {
    expect(RECORDS.map(({ reference, site, measured }) => [reference, site, measured])).toEqual([["U1-K7QM", "00004", { udp: false }], ["G1-AB2C", null, {}]]);
    expect(readRecords({ sites: [] })).toEqual([]);
  });

  it("are found by the code that somebody reads, however it is typed", () => {
    for (const typed of ["U1-K7QM", "u1 k7qm", "U1K7QM", "k7qm", " K7QM "]) expect(codeIn(typed)).toBe("K7QM");
    for (const other of ["", "Tan Thanh", "00004", "U1-"]) expect(codeIn(other)).toBeNull();
    expect(RECORDS.map((record) => hasCode(record, "K7QM"))).toEqual([true, false]);
  });

  it("lead to the site that was checked", () => {
    const sites = readRoster({ sites: [{ code: "00004", name: "Ba Dinh", province: "01" }, { code: "00008", name: "Ngoc Ha", province: "01" }] });
    const rows = joinRoster(sites, new Map(), new Map(RECORDS.map((record) => [record.site ?? "", record])));
    expect(rows.map(({ check }) => check?.reference)).toEqual(["U1-K7QM", undefined]);
    for (const query of ["U1-K7QM", "k7qm"]) expect(rowsOf(rows, { query, province: undefined }).map(({ code }) => code)).toEqual(["00004"]);
  });
});

describe("a TURN server", () => {
  const FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0";

  it.each([
    [["turns:10.1.2.3:443?transport=tcp"], false],
    [["turns:[fd00::1]:443?transport=tcp"], false],
    [["turns:hop.example.vn:443?transport=tcp"], true],
    [["turn:10.1.2.3:3478?transport=udp"], true],
    [["turns:10.1.2.3?transport=tcp", "turn:10.1.2.3"], true],
  ])("%s is tried in Firefox: %s", (urls, isTried) => expect(triesTurn(FIREFOX, urls)).toBe(isTried));

  it("is tried in other browsers wherever it is", () => expect(triesTurn("Chrome/156", ["turns:10.1.2.3:443"])).toBe(true));
});
