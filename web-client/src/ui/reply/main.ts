// Starts the page behind a site's short link.

import "../base.css";
import { mount } from "svelte";
import { codeIn } from "../../reply/asked.ts";
import { fetchFonts } from "../fonts.ts";
import ReplyPage from "./ReplyPage.svelte";
import "./sentences.ts";

const target = document.getElementById("app");
if (target === null) throw new Error("m.html has no #app");

const darkness = matchMedia("(prefers-color-scheme: dark)");
const applyDarkness = () => document.documentElement.classList.toggle("dark", darkness.matches);
darkness.addEventListener("change", applyDarkness);
applyDarkness();

target.replaceChildren();
mount(ReplyPage, { target, props: { code: codeIn(location.pathname) } });
void fetchFonts(() => Promise.resolve());
