// The sentences of the check, fetched with the pages that say them.

import { sentences } from "virtual:sentences/check";
import type vi from "../locales/vi.json";
import { addSentences, isSaid, t } from "./i18n.svelte.ts";

addSentences(sentences);

/** What to do, and whom to call. */
export function sentenceOf(cause: string): string {
  return isSaid(`cause.${cause}`) ? t(`cause.${cause as keyof (typeof vi)["cause"]}`) : t("linecheck.other");
}
