import { describe, expect, it, vi } from "vitest";
import { ApiError } from "../src/api.ts";
import { addressOf, match, readAddress, welcomed } from "../src/office/addresses.ts";
import { concernOf } from "../src/office/administrators.ts";
import { addressOfProvider, PROVIDER_REFUSALS, providerRefusal } from "../src/office/login.ts";
import { afterLong, LONG_MS } from "../src/office/long.ts";
import { answered, makeApi, nextAfter, partOf } from "../src/office/api.ts";
import { nameOfAct, outcomeOf } from "../src/ui/office/acts/names.ts";
import { pressed, rowAfter, sorted, type Column, type Sorting } from "../src/ui/office/parts/table.ts";

describe("an address of the office", () => {
  it("names a page and what the page is about", () => {
    const { path, query } = readAddress("#/sites/0%2F1?of=VN");
    expect(query.get("of")).toBe("VN");
    expect(match("/sites/{site}", path)).toEqual({ site: "0/1" });
    expect(match("/sites/{site}", "/sites/")).toBeNull();
    expect(match("/sites", "/sites/")).toEqual({});
    expect(match("/", readAddress("").path)).toEqual({});
    expect(match("/sites/{site}", "/sites/%")).toEqual({ site: "%" });
  });

  it("is written with what is asked for, and nothing that is empty", () => {
    expect(addressOf("/sites", { search: "Đà Lạt", level: "" })).toBe("#/sites?search=%C4%90%C3%A0+L%E1%BA%A1t");
    expect(addressOf("/sites")).toBe("#/sites");
  });

  it("with a one-time code is no page", () => {
    expect(welcomed("#welcome=A-b_9&x")).toEqual({ code: "A-b_9", login: null });
    expect(welcomed("#welcome=A-b_9&login=le.van-a@hue")).toEqual({ code: "A-b_9", login: "le.van-a@hue" });
    expect(welcomed("#/sites?welcome=1")).toBeNull();
  });
});

describe("a log-in by a provider", () => {
  it("goes on at the page where it began", () => {
    expect(addressOfProvider("bo", "#/sites?site=68")).toBe("/api/v1/login/oidc/bo?then=%2Fsites%3Fsite%3D68");
    for (const hash of ["", "#/", "#refused=login_late", "#welcome=A"]) expect(addressOfProvider("bo", hash)).toBe("/api/v1/login/oidc/bo");
  });

  it("says why nobody comes in, in words that are known", () => {
    for (const refusal of PROVIDER_REFUSALS) expect(providerRefusal(`#refused=${refusal}`)).toBe(refusal);
    for (const hash of ["", "#refused=anything", "#/sites?refused=login_late"]) expect(providerRefusal(hash)).toBeNull();
  });
});

describe("who can manage accounts", () => {
  it("is a concern where nobody is left, or nobody without a provider", () => {
    expect(concernOf({ canLogIn: 0, withPassword: 0 })).toBe("missing");
    expect(concernOf({ canLogIn: 2, withPassword: 0 })).toBe("foreign");
    expect(concernOf({ canLogIn: 2, withPassword: 1 })).toBeNull();
  });
});

describe("what takes the server a while", () => {
  it("is said to take long, once, and only while it does", () => {
    vi.useFakeTimers();
    const said: string[] = [];
    afterLong(() => said.push("long"));
    const end = afterLong(() => said.push("ended"));
    vi.advanceTimersByTime(LONG_MS - 1);
    end();
    expect(said).toEqual([]);
    vi.advanceTimersByTime(60_000);
    expect(said).toEqual(["long"]);
    vi.useRealTimers();
  });
});

describe("the way to the server", () => {
  globalThis.location = { origin: "http://office" } as Location;
  const json = (status: number, body: unknown, headers = {}) => new Response(JSON.stringify(body), { status, headers: { "content-type": "application/json", ...headers } });

  it("asks once more when somebody has logged in again, with what was to be sent", async () => {
    const bodies: string[] = [];
    let isIn = false;
    const api = makeApi(
      () => {
        isIn = true;
        return Promise.resolve();
      },
      async (request) => {
        bodies.push(await (request as Request).text());
        return isIn ? json(201, { id: "c" }) : json(401, { code: "token_invalid", message: "ended" });
      },
    );
    await answered(api.POST("/api/v1/conferences", { body: { id: "c", title: "A" } }));
    expect(bodies).toEqual(['{"id":"c","title":"A"}', '{"id":"c","title":"A"}']);
  });

  it("tells of a refusal by its code and in its words", async () => {
    const api = makeApi(() => Promise.resolve(), () => Promise.resolve(json(403, { code: "not_permitted", message: "a site may not" })));
    const refused = await answered(api.GET("/api/v1/sites")).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(ApiError);
    expect(refused).toMatchObject({ code: "not_permitted", message: "a site may not" });
  });

  it("reads where the next part of a list begins", async () => {
    const link = '</api/v1/sites?search=a%20b&limit=2&after=01>; rel="next"';
    const api = makeApi(() => Promise.resolve(), () => Promise.resolve(json(200, [], { link })));
    expect((await partOf(api.GET("/api/v1/sites"))).next).toBe("01");
    expect(nextAfter(null)).toBeNull();
  });
});

describe("a table", () => {
  const columns: readonly Column<number>[] = [
    { id: "value", label: "", text: String, order: (one, other) => one - other },
    { id: "name", label: "", text: String },
  ];

  it("is put in order up, then down, then as the server has it", () => {
    const orders: (readonly number[])[] = [];
    let sorting: Sorting | null = null;
    for (let press = 0; press < 3; press++) {
      sorting = pressed(sorting, "value");
      orders.push(sorted([2, 3, 1], columns, sorting));
    }
    expect(orders).toEqual([[1, 2, 3], [3, 2, 1], [2, 3, 1]]);
    expect(sorted([2, 1], columns, { column: "name", isDescending: false })).toEqual([2, 1]);
  });

  it("is walked through by keys that end at its ends", () => {
    expect(["ArrowUp", "ArrowDown", "Home", "End", "x"].map((key) => rowAfter(key, 0, 3))).toEqual([0, 1, 0, 2, null]);
    expect(rowAfter("ArrowDown", 2, 3)).toBe(2);
  });
});

describe("an act", () => {
  it("is called by what was asked, whatever it was about, and says what came of it", () => {
    expect(nameOfAct("POST", "/api/v1/accounts/{account}/welcome")).toBe("post_accounts_this_welcome");
    expect([200, 403, 500, 0].map(outcomeOf)).toEqual(["done", "refused", "failed", "unheard"]);
  });
});
