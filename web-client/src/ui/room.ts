// What is needed once somebody goes in, in one part that is fetched while they look at the page before it.

import { sentences } from "virtual:sentences/room";
import { addSentences } from "./i18n.svelte.ts";

export { Attendance } from "../attendance.ts";
export { default as HallPage } from "./HallPage.svelte";
export { default as SitePage } from "./SitePage.svelte";

addSentences(sentences);
