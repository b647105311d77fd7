// Starts the page.

import "./ui/base.css";
import { mount } from "svelte";
import App from "./ui/App.svelte";
import { keepCheckPage } from "./kept/keep.ts";
import { keepFocus } from "./ui/focus.ts";
import { fetchFonts } from "./ui/fonts.ts";
import { Visit } from "./ui/visit.svelte.ts";

const target = document.getElementById("app");
if (target === null) throw new Error("index.html has no #app");

// The pages for reading are dark where the system is; those with pictures always are.
const darkness = matchMedia("(prefers-color-scheme: dark)");
const applyDarkness = () => document.documentElement.classList.toggle("dark", darkness.matches);
darkness.addEventListener("change", applyDarkness);
applyDarkness();

const visit = new Visit({ location, history });
keepFocus(target, visit.signal);
target.replaceChildren();
mount(App, { target, props: { visit } });
/** What nobody waits for. The check's page is for a day on which nothing else can be loaded. */
async function fetchTheRest(): Promise<void> {
  const calm = () => visit.calm();
  await fetchFonts(calm);
  await calm();
  if (!visit.saves && !visit.isChecking) await keepCheckPage();
}

void visit.prepared.finally(() => fetchTheRest());
