// Starts the page.

import "./ui/base.css";
import { mount } from "svelte";
import App from "./ui/App.svelte";
import { Visit } from "./ui/visit.svelte.ts";

const target = document.getElementById("app");
if (target === null) throw new Error("index.html has no #app");
mount(App, { target, props: { visit: new Visit({ location, history }) } });
