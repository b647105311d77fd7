import { describe, expect, it } from "vitest";
import { makeApi } from "../src/office/api.ts";
import { BookingsRest } from "../src/office/calendar/rest.ts";

globalThis.location = { origin: "http://office" } as Location;

/** A server that gives these answers, and says of each part of a list that there is more. */
function server(answers: Readonly<Record<string, unknown>>): { readonly rest: BookingsRest; readonly asked: readonly string[] } {
  const asked: string[] = [];
  const api = makeApi(
    () => Promise.resolve(),
    (request) => {
      const { pathname, search } = new URL((request as Request).url);
      asked.push(decodeURIComponent(pathname + search));
      const headers = { "content-type": "application/json", link: `<${pathname}?after=x>; rel="next"` };
      return Promise.resolve(new Response(JSON.stringify(answers[pathname]), { headers }));
    },
  );
  return { rest: new BookingsRest(api), asked };
}

describe("what a calendar shows at a glance", () => {
  const { signal } = new AbortController();

  it("is a year that is asked for once, however much there is in it", async () => {
    const { rest, asked } = server({ "/api/v1/bookings/days": [{ date: "2026-11-30", count: 812 }] });
    const counts = await rest.counts({ from: "2026-01-01", to: "2026-12-31", zone: "Asia/Ho_Chi_Minh" }, signal);
    expect([...counts]).toEqual([["2026-11-30", 812]]);
    expect(asked).toEqual(["/api/v1/bookings/days?from=2025-12-31T17:00:00.000Z&to=2026-12-31T17:00:00.000Z&zone=Asia/Ho_Chi_Minh"]);
  });

  it("is whom to invite again, by one question", async () => {
    const { rest, asked } = server({ "/api/v1/bookings/former": [{ id: "B1", title: "Giao ban", occurrence: "2026-11-23" }] });
    expect(await rest.former("2026-11-30", signal)).toEqual([{ id: "B1", label: "Giao ban · 2026-11-23" }]);
    expect(asked).toEqual(["/api/v1/bookings/former?from=2026-08-02T00:00:00.000Z&to=2026-12-01T00:00:00.000Z&limit=250"]);
  });
});
