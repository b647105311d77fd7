// The sentences of the desk, fetched with it.

import { sentences } from "virtual:sentences/desk";
import { addSentences } from "../i18n.svelte.ts";

addSentences(sentences);
