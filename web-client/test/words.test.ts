import { expect, it } from "vitest";
import { learn, strangers } from "../dev/gallery/words.mjs";
import { longer } from "../dev/gallery/longer.mjs";
import { readLocales } from "../dev/locales.ts";

const made = longer(readLocales().get("en") ?? {}, "fr");

it("a sentence that a page says in another language, or by its key, is found", () => {
  learn("fr", made);
  expect(strangers(["Aàsk foòr theé floòoòr", "Xã Tân Thành", "Tiếng Việt"], "fr")).toEqual([]);
  expect(strangers(["Ask for the floor"], "fr")).toEqual(["says floor.ask in en"]);
  expect(strangers(["floor.ask"], "fr")).toEqual(["says floor.ask"]);
  expect(strangers(["(Phường Ba Đình vừa rời hội nghị.)"], "fr")).toContain("says refused.gone in vi");
});
