// What is needed once somebody goes in, in one part that is fetched while they look at the page before it.

export { Attendance } from "../attendance.ts";
export { default as HallPage } from "./HallPage.svelte";
export { default as SitePage } from "./SitePage.svelte";
