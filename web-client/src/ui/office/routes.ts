// The pages of the office: one line for each.

import CalendarDays from "@lucide/svelte/icons/calendar-days";
import House from "@lucide/svelte/icons/house";
import MapPinned from "@lucide/svelte/icons/map-pinned";
import { later } from "../patience.ts";
import type { Route } from "./page.ts";

/** In the order of the navigation. A page is fetched when it is first looked at. */
export const ROUTES: readonly Route[] = [
  { at: "/", title: "office.home", verbs: [], icon: House, page: () => import("./HomePage.svelte") },
  { at: "/schedule", title: "schedule.title", verbs: ["readBookings"], icon: CalendarDays, page: () => import("./calendar/SchedulePage.svelte") },
  { at: "/schedule/{booking}", title: "schedule.title", verbs: ["readBookings"], page: () => import("./calendar/BookingPage.svelte") },
  { at: "/sites", title: "directory.title", verbs: ["readSites"], icon: MapPinned, page: () => import("./sites/SitesPage.svelte") },
];

/** The page of a route, waited for on a line that breaks meanwhile. */
export const pageOf = (route: Route) => later(route.page, () => location.reload());
