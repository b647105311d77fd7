// The sentences of the office, fetched with it; and what went wrong, in words.

import { sentences } from "virtual:sentences/office";
import { ApiError } from "../../api.ts";
import { addSentences, isSaid, t } from "../i18n.svelte.ts";
import type office from "../../locales/office/vi.json";

addSentences(sentences);

/** Why something could not be done. Where the pages have no words for it the server's are better than none. */
export function sentenceOf(error: unknown): string {
  if (!(error instanceof ApiError)) return t("office.unreached");
  const { code, message } = error;
  return isSaid(`office.refused.${code}`)
    ? t(`office.refused.${code as keyof (typeof office)["office"]["refused"]}`, { message })
    : t("office.refused.other", { message });
}
