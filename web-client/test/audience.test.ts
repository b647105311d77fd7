import { describe, expect, it } from "vitest";
import { type Audience, branchTicked, isInvited, toggledBranch, toggledSite, type TreeSite, withCodes } from "../src/office/calendar/audience.ts";
import { partsOf, readPasted, resolvePasted } from "../src/office/calendar/pasted.ts";

const PROVINCES: readonly TreeSite[] = ["01", "68"].map((code) => ({ code, name: code, level: "province", parentCode: "VN" }));
const [HANOI, LAM_DONG] = PROVINCES as [TreeSite, TreeSite];
const COMMUNES: readonly TreeSite[] = [["00004", "01"], ["00008", "01"], ["24769", "68"]].map(([code = "", parentCode = ""]) => ({
  code,
  name: code,
  level: "commune",
  parentCode,
  groups: code === "24769" ? ["mountain"] : [],
}));
const [BA_DINH, NGOC_HA, DA_LAT] = COMMUNES as [TreeSite, TreeSite, TreeSite];
const KNOWN = new Map([...PROVINCES, ...COMMUNES].map((site) => [site.code, site]));
const invited = (audience: Audience): readonly string[] => COMMUNES.filter((site) => isInvited(audience, site)).map(({ code }) => code);

describe("a selection of the tree", () => {
  it("takes in branches and lists of some levels, and single sites, but for some", () => {
    expect(invited({ parents: ["01"], except: ["00008"] })).toEqual(["00004"]);
    expect(invited({ levels: ["commune"] })).toHaveLength(3);
    expect(invited({ all: true, levels: ["province"] })).toEqual([]);
    expect(invited({ lists: ["mountain"], codes: ["00004"], levels: ["commune"] })).toEqual(["00004", "24769"]);
    expect(invited({ all: true, except: ["01"] })).toEqual(["24769"]);
    expect(invited({})).toEqual([]);
  });

  it("excepts one that is unticked from what takes it in, and takes it in again", () => {
    const without = toggledSite({ parents: ["01"] }, BA_DINH, KNOWN);
    expect(without).toEqual({ parents: ["01"], except: ["00004"] });
    expect(toggledSite(without, BA_DINH, KNOWN)).toEqual({ parents: ["01"] });
  });

  it("names one that is ticked alone, and forgets it when it is unticked", () => {
    const one = toggledSite({}, DA_LAT, KNOWN);
    expect(one).toEqual({ codes: ["24769"] });
    expect(toggledSite(one, DA_LAT, KNOWN)).toEqual({});
  });

  it("leaves out one that is named and within a branch when it is unticked", () => {
    expect(invited(toggledSite({ parents: ["01"], codes: ["00004"] }, BA_DINH, KNOWN))).toEqual(["00008"]);
  });

  it("ticks a whole branch, and what was said of its single sites is forgotten", () => {
    const some: Audience = { codes: ["00004", "24769"] };
    expect(branchTicked(some, HANOI, KNOWN)).toBe("some");
    expect(toggledBranch(some, HANOI, KNOWN)).toEqual({ codes: ["24769"], parents: ["01"] });
    expect(toggledBranch({ parents: ["01"], except: ["00004"] }, HANOI, KNOWN)).toEqual({ parents: ["01"] });
  });

  it("of all is without a branch that is unticked, and has one of its sites again", () => {
    expect(branchTicked({ all: true }, LAM_DONG, KNOWN)).toBe("all");
    const without = toggledBranch({ all: true }, HANOI, KNOWN);
    expect(without).toEqual({ all: true, except: ["01"] });
    expect(branchTicked(without, HANOI, KNOWN)).toBe("none");
    const again = toggledSite(without, BA_DINH, KNOWN);
    expect(again).toEqual({ all: true, except: ["00008"] });
    expect(toggledBranch(without, HANOI, KNOWN)).toEqual({ all: true });
  });

  it("takes in again what was excepted and is pasted by name", () => {
    expect(withCodes({ parents: ["01"], except: ["00004", "00008"] }, ["00004"])).toEqual({ parents: ["01"], except: ["00008"], codes: ["00004"] });
    expect(invited(withCodes({}, [NGOC_HA.code, NGOC_HA.code]))).toEqual(["00008"]);
  });
});

describe("codes that are pasted", () => {
  const known = new Set(COMMUNES.map(({ code }) => code));

  it("are found in a column, in lines, and in a table with a head", () => {
    expect(readPasted("\uFEFF00004\r\n00008\r\n", known).codes).toEqual(["00004", "00008"]);
    expect(readPasted("00004, 00008 24769", known).codes).toEqual(["00004", "00008", "24769"]);
    expect(readPasted('Mã\tTên\n00004\tPhường Ba Đình\n"24769";"Xã"', known)).toEqual({ codes: ["00004", "24769"], unknown: [] });
  });

  it("are named where nobody has them, with the one that may be meant", () => {
    expect(readPasted("4\n'00008\n99999", known)).toEqual({
      codes: ["00008"],
      unknown: [{ given: "4", meant: "00004" }, { given: "99999", meant: null }],
    });
  });

  it("are asked for, as given and with zeros where nobody has them so, and nothing else of a table is", async () => {
    const asked: (readonly string[])[] = [];
    const which = (codes: readonly string[]): Promise<ReadonlySet<string>> => {
      asked.push(codes);
      return Promise.resolve(new Set(codes.filter((code) => known.has(code))));
    };
    const read = await resolvePasted("Mã\tTên\n4\tPhường Ba Đình\n24769\tXã Tân Hội\n00004 00008", which);
    expect(read).toEqual({ codes: ["24769", "00004", "00008"], unknown: [{ given: "4", meant: "00004" }] });
    expect(asked).toEqual([["4", "24769", "00004", "00008"], ["04", "004", "0004", "00004"]]);
  });

  it("are asked for in parts that an address takes", () => {
    expect(partsOf(["00004", "00008", "24769"], 11)).toEqual([["00004", "00008"], ["24769"]]);
    expect(partsOf(["00004", "00008"], 10)).toEqual([["00004"], ["00008"]]);
    expect(partsOf([], 10)).toEqual([]);
  });
});
