// States of the page on which an office edits its letters.

import { fill, later, present, press, reads, steps, touch } from "./steps.mjs";

const letters = (name, query, act, { more = {}, ...options } = {}) => [
  `letters-${name}`,
  "/office",
  { office: { as: "admin", hash: `#/letters${query}`, ...more } },
  steps(present("textarea"), present("article"), act),
  options,
];
const brief = { isBrief: true };
const nothing = () => undefined;
const seen = later(600);
const stale = [409, { code: "wrong_state", message: "the letter is at version 2" }];

export const LETTERS = [
  letters("invitation", "", nothing),
  letters("english", "?kind=change&language=en", nothing, brief),
  letters("edited", "?kind=cancellation", nothing),
  letters("inserted", "", steps(touch("[role=group] button", 0), seen)),
  letters("unknown", "", steps(fill("textarea", "Kính gửi: {{ xa }}\n\n{{ link }}\n"), seen, present(".wrong p"), press("letter.to_line"), later(200))),
  letters("no-link", "", steps(fill("textarea", "Kính gửi: {{ site }}\n"), seen, present(".wrong p")), brief),
  letters("saved", "", steps(fill("input[maxlength='300']", "Mời họp: {{ title }}"), seen, press("office.save"), reads("letter.saved")), brief),
  letters("stale", "", steps(fill("input[maxlength='300']", "Mời họp"), seen, press("office.save"), reads("letter.stale")), {
    more: { refuses: { "PUT /letters/invitation/vi": stale } },
    ...brief,
  }),
  letters("renewed", "", steps(fill("input[maxlength='300']", "Mời họp"), seen, press("office.save"), press("letter.renew"), reads("letter.renewed"), touch("details summary"), seen), {
    more: { refuses: { "PUT /letters/invitation/vi": stale } },
    ...brief,
  }),
  letters("reset", "?kind=cancellation", steps(press("letter.reset"), present("dialog")), brief),
  letters("back", "?kind=cancellation", steps(press("letter.reset"), present("dialog"), touch("dialog .live"), reads("letter.is_back")), brief),
];
