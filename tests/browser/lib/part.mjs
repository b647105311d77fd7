// A commune that takes part in all of a conference: it sees and hears the hall, asks for the floor, and is
// seen and heard there.

import { until } from "./until.mjs";

/** The usual is a second or two; the rest is for a busy machine. */
const PATIENCE = { seconds: 20 };

/** Joins and watches. Returns the milliseconds from the click to the picture. */
export async function watches(commune) {
  await commune.press("Join and watch");
  await commune.sees(["hall"], PATIENCE);
  await commune.hears(["hall"], PATIENCE);
  return commune.firstFrame();
}

/**
 * Speaks: `rest` asks the server, `site` is the commune's code. Gives the floor back in the end, so that the next can
 * have it.
 */
export async function speaks(commune, hall, site, rest) {
  await commune.press("Ask for the floor");
  const waiting = await until(
    "it waits for the floor",
    async () => {
      const all = await rest("/conferences/demo/participants");
      return all.find((one) => one.site === site && one.floor === "waiting");
    },
    PATIENCE,
  );
  await rest("/conferences/demo/floor/grant", "POST", { participant: waiting.participant });
  await commune.reads("You are on air");
  await hall.sees(["first"], PATIENCE);
  await hall.hears(["first"], PATIENCE);
  await commune.press("Finish speaking");
  await until("it has given it back", async () => {
    const all = await rest("/conferences/demo/participants");
    return all.every((one) => one.site !== site || one.floor === "none");
  });
}
