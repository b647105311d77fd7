// What stands behind the `#` of the office's address, and which page it names; pure.

/** What an address names in the places that a pattern has in braces: `/sites/{site}`. */
export type Params = Readonly<Record<string, string>>;

/** `#/sites/01?of=…` in parts. */
export interface Address {
  readonly path: string;
  readonly query: URLSearchParams;
}

export function readAddress(hash: string): Address {
  const [path = "", ...query] = hash.replace(/^#/u, "").split("?");
  return { path: path === "" ? "/" : path, query: new URLSearchParams(query.join("?")) };
}

/** What `path` names in the places of `pattern`; `null` if it is another address. */
export function match(pattern: string, path: string): Params | null {
  const [wanted, found] = [pattern.split("/"), path.replace(/(?<=.)\/$/u, "").split("/")];
  if (wanted.length !== found.length) return null;
  const params: Record<string, string> = {};
  for (const [index, part] of wanted.entries()) {
    const there = found[index] ?? "";
    const [, name] = /^\{(\w+)\}$/u.exec(part) ?? [];
    if (name === undefined ? part !== there : there === "") return null;
    if (name !== undefined) params[name] = decoded(there);
  }
  return params;
}

/** Whoever types an address by hand may write a `%` that means nothing. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The address for a link: `#/sites/01`, with what is asked for where it is anything. */
export function addressOf(path: string, query: Readonly<Record<string, string>> = {}): string {
  const asked = Object.entries(query).filter(([, value]) => value !== "");
  return asked.length === 0 ? `#${path}` : `#${path}?${new URLSearchParams(asked)}`;
}

const WELCOME = /^#welcome=([\w-]+)(?:&login=([\w.@-]+))?/u;

/** A one-time code, and whose it is; of the first administrator's nobody knows. */
export interface Invited {
  readonly code: string;
  readonly login: string | null;
}

/** With what somebody comes for the first time, or has forgotten the password. */
export function welcomed(hash: string): Invited | null {
  const [, code, login] = WELCOME.exec(hash) ?? [];
  return code === undefined ? null : { code, login: login ?? null };
}
