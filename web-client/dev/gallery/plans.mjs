// What a run of the gallery looks at: everything, what there is time for in each run of the tests, or one more language.

import { LANGUAGES } from "./words.mjs";

export const SIZES = {
  tiny: [320, 480],
  phone: [375, 812],
  sideways: [812, 375],
  /** A laptop's window at 200 %. */
  zoomed: [683, 384, 2],
  laptop: [1366, 768],
  desk: [1920, 1080],
  wall: [3840, 2160],
};
/** What the system may ask for. */
export const LOOKS = {
  light: { colorScheme: "light", forcedColors: "none" },
  dark: { colorScheme: "dark", forcedColors: "none" },
  forced: { colorScheme: "light", forcedColors: "active" },
};
/** States that differ from another by one sentence are seen where it is longest and shortest of room. */
const BRIEF = { sizes: ["phone", "laptop"], looks: ["light"] };

/** Everything. Axe is asked where there is something else to find: colours differ by look, what is shown by size. */
const WHOLE = {
  sizes: Object.keys(SIZES),
  looks: Object.keys(LOOKS),
  languages: LANGUAGES,
  judged: { first: ["light laptop", "light phone", "dark laptop"], further: ["light laptop"], brief: ["light laptop", "light phone"] },
  isPictured: () => true,
};
/** Each size is judged, photographed and held against the reference in one of the languages. */
const QUICK = {
  sizes: ["phone", "laptop"],
  looks: ["light"],
  languages: LANGUAGES,
  judged: { first: ["light laptop"], further: ["light phone"], brief: ["light laptop"] },
  /** Half of what axe takes, and a phone has the colours of the laptop. */
  colourless: ["light phone"],
  isPictured: (isJudged, found) => isJudged || found.length > 0,
};
/** Whether its words have room. */
const LONGER = {
  sizes: ["tiny", "phone", "sideways", "zoomed", "laptop"],
  looks: ["light"],
  judged: { first: [], further: [], brief: [] },
  isPictured: (_, found) => found.length > 0,
};

/** What was asked for, of which SIZES, LOOKS and LANGUAGES of the environment choose. */
export function planOf({ isQuick, language }) {
  const plan = language !== undefined ? { ...LONGER, languages: [language] } : isQuick ? QUICK : WHOLE;
  const chosen = (name, all) => process.env[name]?.split(",") ?? all;
  return { ...plan, sizes: chosen("SIZES", plan.sizes), looks: chosen("LOOKS", plan.looks), languages: chosen("LANGUAGES", plan.languages) };
}

/** How a state is seen, look by look: in which sizes, and what is asked of axe in each. */
export function viewsOf({ looks, sizes, judged, colourless = [] }, { isBrief, isFirst }) {
  const kept = (all, brief) => (isBrief ? all.filter((one) => brief.includes(one)) : all);
  const asked = isBrief ? (isFirst ? judged.brief : []) : judged[isFirst ? "first" : "further"];
  // There and back: the next language begins at the size at which this one ends.
  const ordered = isFirst ? sizes : sizes.toReversed();
  return kept(looks, BRIEF.looks).flatMap((look) =>
    kept(ordered, BRIEF.sizes).map((size) => {
      const view = `${look} ${size}`;
      return { look, size, isJudged: asked.includes(view), withColours: !colourless.includes(view) };
    }),
  );
}
