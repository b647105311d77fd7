// Who is expected, who is here, and who was sent away. Pure.

import type {
  Barred,
  Crowd,
  Participant,
  Participants,
  Presence,
  ProvinceCount,
  Provinces,
  RosterMessage,
} from "../protocol.ts";

export interface PeopleState {
  readonly presence: Omit<Presence, "type" | "version"> | null;
  /** Operators and chairs only, as everything below. */
  /** Version of the valid list of expected sites; `null` before it was told. */
  readonly roster: number | null;
  readonly provinces: readonly ProvinceCount[];
  readonly participants: ReadonlyMap<string, Participant>;
  readonly barred: Omit<Barred, "type" | "version">;
}

export const NO_PEOPLE: PeopleState = {
  presence: null,
  roster: null,
  provinces: [],
  participants: new Map(),
  barred: { count: 0, latest: [] },
};

export function reducePeople(
  before: PeopleState,
  message: Presence | RosterMessage | Provinces | Participants | Barred,
): Partial<PeopleState> {
  switch (message.type) {
    case "presence": {
      const { expected, present, lost } = message;
      return { presence: { expected, present, lost } };
    }
    case "roster":
      return { roster: message.version };
    case "provinces":
      return { provinces: message.provinces };
    case "participants": {
      const participants = new Map(message.full ? [] : before.participants);
      for (const change of [...message.changes, ...message.crowds.flatMap(members)]) {
        if (change.state === "left") participants.delete(change.participant);
        else participants.set(change.participant, change);
      }
      return { participants };
    }
    case "barred": {
      const { count, latest } = message;
      return { barred: { count, latest } };
    }
    default:
      return message satisfies never;
  }
}

/** Everybody in a crowd. Each is called as its site is in the list of sites; here, by its code. */
function members({ sites, participants, ...alike }: Crowd): Participant[] {
  const codes = sites.split(" ");
  let id = "";
  return participants.split(" ").map((end, index) => {
    id = id.slice(0, Math.max(0, id.length - end.length)) + end;
    const site = codes[index] ?? "";
    return { ...alike, participant: id, site, name: site };
  });
}
