// Starts the office: the pages for people with accounts.

import "../base.css";
import { mount } from "svelte";
import { keepFocus } from "../focus.ts";
import { fetchFonts } from "../fonts.ts";
import "./sentences.ts";
import { Office } from "./office.svelte.ts";
import OfficePage from "./OfficePage.svelte";

const target = document.getElementById("app");
if (target === null) throw new Error("office.html has no #app");

// Dark where the system is.
const darkness = matchMedia("(prefers-color-scheme: dark)");
const applyDarkness = () => document.documentElement.classList.toggle("dark", darkness.matches);
darkness.addEventListener("change", applyDarkness);
applyDarkness();

const office = new Office({ location, history });
keepFocus(target, office.signal);
target.replaceChildren();
mount(OfficePage, { target, props: { office } });
void office.ask().finally(() => fetchFonts(() => Promise.resolve()));
