// What of a series is otherwise, as its sentence says it.

import type { Booking } from "../../../office/calendar/contract.ts";
import type { SeriesException } from "../../../office/calendar/sentence.ts";
import { readLocal } from "../../../office/calendar/zone.ts";

export function exceptionsOf(booking: Booking | null): readonly SeriesException[] {
  return (booking?.exceptions ?? []).flatMap(({ date, isLeftOut, startsAtLocal }) => {
    const movedTo = readLocal(startsAtLocal ?? "");
    return isLeftOut === true || movedTo !== null ? [{ day: date, movedTo: isLeftOut === true ? null : movedTo }] : [];
  });
}
