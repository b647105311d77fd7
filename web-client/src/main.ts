// Starts the page.

import "./ui/base.css";
import { mount } from "svelte";
import App from "./ui/App.svelte";
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
mount(App, { target, props: { visit } });
void visit.prepared.finally(() => fetchFonts(() => visit.calm()));
