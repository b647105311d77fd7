// What the check page tells before the join: the conference's title and the site's name, where the server gives them.

export interface Invitation {
  readonly title: string | null;
  readonly site: string | null;
}

async function readField(path: string, field: string, token: string, signal: AbortSignal): Promise<string | null> {
  const response = await fetch(path, { headers: { authorization: `Bearer ${token}` }, signal });
  if (!response.ok) return null;
  const body: unknown = await response.json();
  const value = typeof body === "object" && body !== null ? (body as Record<string, unknown>)[field] : null;
  return typeof value === "string" ? value : null;
}

/** Asks for both; what this token may not see stays `null`. */
export async function fetchInvitation(
  token: string,
  conference: string,
  site: string | null,
  signal: AbortSignal,
): Promise<Invitation> {
  const [title, name] = await Promise.all([
    readField(`/api/v1/conferences/${encodeURIComponent(conference)}`, "title", token, signal),
    site === null ? null : readField(`/api/v1/sites/${encodeURIComponent(site)}`, "name", token, signal),
  ]);
  return { title, site: name };
}
