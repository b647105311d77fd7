// The pages of the office: one line for each.

import CalendarDays from "@lucide/svelte/icons/calendar-days";
import House from "@lucide/svelte/icons/house";
import Mail from "@lucide/svelte/icons/mail";
import MapPinned from "@lucide/svelte/icons/map-pinned";
import ScrollText from "@lucide/svelte/icons/scroll-text";
import Users from "@lucide/svelte/icons/users";
import { later } from "../patience.ts";
import type { Route } from "./page.ts";

/** In the order of the navigation. A page is fetched when it is first looked at. */
export const ROUTES: readonly Route[] = [
  { at: "/", title: "office.home", verbs: [], icon: House, page: () => import("./HomePage.svelte") },
  { at: "/schedule", title: "schedule.title", verbs: ["readBookings"], icon: CalendarDays, page: () => import("./calendar/SchedulePage.svelte") },
  { at: "/schedule/{booking}", title: "schedule.title", verbs: ["readBookings"], page: () => import("./calendar/BookingPage.svelte") },
  { at: "/letters", title: "letter.title", verbs: ["invite"], icon: Mail, page: () => import("./letters/LettersPage.svelte") },
  { at: "/sites", title: "directory.title", verbs: ["readSites"], icon: MapPinned, page: () => import("./sites/SitesPage.svelte") },
  { at: "/sites/import", title: "directory.import_title", verbs: ["importSites"], page: () => import("./sites/ImportPage.svelte") },
  { at: "/accounts", title: "account.title", verbs: ["manageAccounts"], icon: Users, page: () => import("./accounts/AccountsPage.svelte") },
  { at: "/accounts/logins", title: "account.who_is_in", verbs: ["endLogins"], page: () => import("./accounts/LoginsPage.svelte") },
  { at: "/acts", title: "account.acts", verbs: ["readActs"], icon: ScrollText, page: () => import("./acts/ActsPage.svelte") },
];

/** The page of a route, waited for on a line that breaks meanwhile. */
export const pageOf = (route: Route) => later(route.page, () => location.reload());
