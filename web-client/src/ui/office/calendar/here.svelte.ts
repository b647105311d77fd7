// Where and when whoever looks at a calendar is.

import type { Day } from "../../../office/calendar/day.ts";
import { localAt, zoneCalled } from "../../../office/calendar/zone.ts";
import { now } from "../../clock.svelte.ts";
import { language } from "../../i18n.svelte.ts";

/** The zone of this machine's clock. */
export const here = (): string => zoneCalled(Intl.DateTimeFormat().resolvedOptions().timeZone);

/** A component that reads it is drawn anew when the day is over. */
export const today = (): Day => localAt(now(), here()).day;

/** As people of this language write days and hours; English as most of the world does, with the day first. */
export const dated = (): string => (language() === "en" ? "en-GB" : language());
