// What a site is told behind its short link, and what it replies. Pure.

export const REPLIES = ["coming", "excused", "sends"] as const;
export type ReplyKind = (typeof REPLIES)[number];

export interface Reply {
  readonly is: ReplyKind;
  readonly reason: string;
  readonly who: string;
  /** How many people; `null`: it was not said. */
  readonly count: number | null;
  /** When it was given; `null`: not yet. */
  readonly at: string | null;
}

export interface Item {
  readonly title: string;
  readonly speaker: string | null;
  readonly minutes: number;
  readonly documents: readonly { readonly name: string; readonly note: string | null }[];
}

/** How it stands with what the site is invited to. */
export type Standing = "planned" | "open" | "over" | "cancelled";

export interface Asked {
  readonly title: string;
  readonly kind: "meeting" | "briefing" | "training";
  readonly standing: Standing;
  /** Why it is cancelled. */
  readonly reason: string | null;
  readonly startsAt: string;
  readonly durationMinutes: number;
  /** By whose clocks it is announced. */
  readonly zone: string;
  /** When this site may come in; `null`: it is not known. */
  readonly opensAt: string | null;
  readonly site: string;
  readonly siteCode: string;
  readonly hall: string | null;
  readonly chair: string | null;
  readonly agenda: readonly Item[];
  readonly reply: Reply | null;
  /** It was changed since this site was told. */
  readonly isChanged: boolean;
  /** The address to which a calendar may subscribe. */
  readonly calendar: string | null;
  /** In how many seconds this page checks its line by itself, the next time first. */
  readonly checksIn: readonly number[];
}

type Fields = Readonly<Record<string, unknown>>;
const fieldsOf = (value: unknown): Fields => (typeof value === "object" && value !== null ? (value as Fields) : {});
const text = (value: unknown): string | null => (typeof value === "string" && value !== "" ? value : null);
const number = (value: unknown): number | null => (typeof value === "number" && Number.isFinite(value) ? value : null);
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const oneOf = <Name extends string>(names: readonly Name[], value: unknown): Name | null => names.find((name) => name === value) ?? null;

/** A place is told by its name, or as an object that has one. */
const named = (value: unknown): string | null => text(value) ?? text(fieldsOf(value)["name"]);

export function readReply(value: unknown): Reply | null {
  const fields = fieldsOf(value);
  const is = oneOf(REPLIES, fields["is"]);
  return is === null ? null : { is, reason: text(fields["reason"]) ?? "", who: text(fields["who"]) ?? "", count: number(fields["count"]), at: text(fields["at"]) };
}

function readItem(value: unknown): readonly Item[] {
  const fields = fieldsOf(value);
  const title = text(fields["title"]);
  if (title === null) return [];
  const documents = list(fields["documents"]).flatMap((entry) => {
    const name = text(fieldsOf(entry)["name"]);
    return name === null ? [] : [{ name, note: text(fieldsOf(entry)["note"]) }];
  });
  return [{ title, speaker: named(fields["speaker"]), minutes: number(fields["minutes"]) ?? 0, documents }];
}

/** Reads the answer of `GET /invitation/{code}`; `null` for one that is of something else. */
export function readAsked(body: unknown): Asked | null {
  const fields = fieldsOf(body);
  const site = fieldsOf(fields["site"]);
  const [title, startsAt] = [text(fields["title"]), text(fields["startsAt"])];
  const standing = oneOf(["planned", "open", "over", "cancelled"] as const, fields["state"]);
  if (title === null || startsAt === null || Number.isNaN(Date.parse(startsAt)) || standing === null) return null;
  return {
    title,
    standing,
    startsAt,
    kind: oneOf(["meeting", "briefing", "training"] as const, fields["kind"]) ?? "meeting",
    reason: text(fields["reason"]),
    durationMinutes: number(fields["durationMinutes"]) ?? 60,
    zone: text(fields["zone"]) ?? "UTC",
    opensAt: text(fields["opensAt"]),
    site: text(site["name"]) ?? "",
    siteCode: text(site["code"]) ?? "",
    hall: named(fields["hall"]),
    chair: named(fields["chair"]),
    agenda: list(fields["agenda"]).flatMap(readItem),
    reply: readReply(fields["reply"]),
    isChanged: fields["mustBeToldAgain"] === true,
    calendar: text(fields["calendar"]),
    checksIn: list(fields["checksIn"]).flatMap((seconds) => number(seconds) ?? []),
  };
}

/** The code in the address `/m/CODE`; `null` if there is none. */
export function codeIn(path: string): string | null {
  const [, code] = /^\/m\/([\w-]+)/u.exec(path) ?? [];
  return code ?? null;
}

/** What is sent of a reply: only what belongs to it. */
export function written({ is, reason, who, count }: Reply): Readonly<Record<string, unknown>> {
  return {
    is,
    ...(is === "excused" && reason.trim() !== "" && { reason: reason.trim() }),
    ...(is === "sends" && { who: who.trim() }),
    ...(is !== "excused" && count !== null && { count }),
  };
}

export const NO_REPLY: Reply = { is: "coming", reason: "", who: "", count: null, at: null };

/** What of a reply is missing; `null` where it can be sent. */
export function lacking({ is, reason, who, count }: Reply): "reason" | "who" | "count" | null {
  if (is === "excused" && reason.trim() === "") return "reason";
  if (is === "sends" && who.trim() === "") return "who";
  return count !== null && (!Number.isInteger(count) || count < 1 || count > 10_000) ? "count" : null;
}
