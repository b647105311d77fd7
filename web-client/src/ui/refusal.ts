// Why something was refused, in words.

import { t } from "./i18n.svelte.ts";

export function refusalSentence(code: string): string {
  switch (code) {
    case "not_permitted":
    case "participant_unknown":
    case "floor_not_requested":
    case "floor_not_held":
    case "floor_already_requested":
    case "conference_not_running":
    case "overloaded":
    case "rate_limited":
    case "disconnected":
    case "timeout":
    case "no_media":
    case "bad_offer":
    case "stand_by":
      return t(`refused.${code}`);
    default:
      return t("refused.other", { code });
  }
}
