// The sentences of a site's reply, fetched with its page.

import { sentences } from "virtual:sentences/reply";
import { addSentences } from "../i18n.svelte.ts";

addSentences(sentences);
