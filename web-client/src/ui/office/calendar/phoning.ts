// Why a site is phoned, for whoever phones: what is amiss there, and what to ask for.

import type office from "../../../locales/office/vi.json";
import { sentenceOf as causeSentence } from "../../causes.ts";
import { isSaid, t } from "../../i18n.svelte.ts";

/** Where nothing is said for whoever phones, it is as the check says it: of a fault of the server's own it says whom to call. */
export function phoningSentence(cause: string): string {
  return isSaid(`phone.${cause}`) ? t(`phone.${cause as keyof (typeof office)["phone"]}`) : causeSentence(cause);
}
