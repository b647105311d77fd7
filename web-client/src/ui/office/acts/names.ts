// What an act is called among the sentences, and what came of it; pure.

/** `PATCH /api/v1/sites/{site}` → `patch_sites_this`. */
export function nameOfAct(method: string, route: string): string {
  const parts = route.replace(/^\/api\/v1\//u, "").split("/");
  return [method.toLowerCase(), ...parts.map((part) => (part.startsWith("{") ? "this" : part.replaceAll("-", "_")))].join("_");
}

/** What a status says: done, refused to whoever asked, failed here, or that nobody waited for the answer. */
export function outcomeOf(status: number): "done" | "refused" | "failed" | "unheard" {
  if (status === 0) return "unheard";
  return status < 400 ? "done" : status < 500 ? "refused" : "failed";
}
