// Whether a press is meant for what it hits. Things move on an operator's page by themselves: what stands under a
// pointer now may be another site than the one that was aimed at. Pure.

/**
 * How long something must have stood at its place before a press is meant for it, in milliseconds.
 * Higher: whoever is quick presses in vain. Lower: a hand that was on its way hits what came there meanwhile.
 */
export const REST_MS = 1_000;

/** How long something must have had the focus, or a question been open, before a key is meant for it. A second
 * press of a double press comes sooner. */
export const KEY_REST_MS = 500;

/** What stands at each place of a list, and since when. */
export interface Places {
  readonly shown: readonly { readonly key: string; readonly since: number }[];
  /** When something above the list last moved the whole of it. */
  readonly movedAt: number;
}

export const NO_PLACES: Places = { shown: [], movedAt: Number.NEGATIVE_INFINITY };

/** The places after the list shows `keys`. What stays where it was keeps its time. */
export function arrange(places: Places, keys: readonly string[], now: number): Places {
  const { shown } = places;
  if (shown.length === keys.length && keys.every((key, index) => shown[index]?.key === key)) return places;
  return {
    ...places,
    shown: keys.map((key, index) => {
      const before = shown[index];
      return before?.key === key ? before : { key, since: now };
    }),
  };
}

/** The places after something above them came, went or grew. */
export function shift(places: Places, now: number): Places {
  return { ...places, movedAt: now };
}

/** What a press is not meant for yet, with when it will be. */
export function resting({ shown, movedAt }: Places, now: number): ReadonlyMap<string, number> {
  const due = new Map<string, number>();
  for (const { key, since } of shown) {
    const at = Math.max(since, movedAt) + REST_MS;
    if (at > now) due.set(key, at);
  }
  return due;
}

/** Whether a press on this one is meant for it; never for one that is not shown. */
export function isAtRest(places: Places, key: string, now: number): boolean {
  const place = places.shown.find((one) => one.key === key);
  return place !== undefined && now >= Math.max(place.since, places.movedAt) + REST_MS;
}
