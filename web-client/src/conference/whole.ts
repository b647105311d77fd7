// The conference as a whole and who this page is in it. Pure.

import type { ConferenceLife, ConferenceMessage, Role, SiteName, Trouble, Welcome } from "../protocol.ts";

export interface WholeState {
  readonly me: { readonly participant: string; readonly role: Role; readonly site: SiteName | null } | null;
  /** Another device of this place had to go for this one. */
  readonly tookOver: boolean;
  readonly conference: { readonly id: string; readonly title: string; readonly state: ConferenceLife } | null;
  /** Operators and chairs only. */
  readonly trouble: Omit<Trouble, "type" | "version"> | null;
}

export const NOT_IN: WholeState = { me: null, tookOver: false, conference: null, trouble: null };

export function reduceWhole(message: Welcome | ConferenceMessage | Trouble): Partial<WholeState> {
  switch (message.type) {
    case "welcome": {
      const { participant, role, site, conference, tookOver = false } = message;
      return { me: { participant, role, site }, tookOver, conference };
    }
    case "conference": {
      const { id, title, state } = message;
      return { conference: { id, title, state } };
    }
    case "trouble": {
      const { refused, overload } = message;
      return { trouble: { refused, overload } };
    }
    default:
      return message satisfies never;
  }
}
