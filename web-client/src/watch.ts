// Which of an operator's small pictures shows whom. Pure.

/** One slot is to show somebody else, or nobody. */
export interface WatchChange {
  readonly mid: string;
  readonly participant: string | null;
}

/**
 * The changes that make the slots show `wanted`, in as few steps as possible: who is shown stays where they are.
 * Those for whom there is no slot are left out, the last ones first.
 */
export function planWatch(
  mids: readonly string[],
  shown: ReadonlyMap<string, string>,
  wanted: readonly string[],
): readonly WatchChange[] {
  const affordable = new Set(wanted.slice(0, mids.length));
  const staying = new Set<string>();
  const free: string[] = [];
  for (const mid of mids) {
    const current = shown.get(mid);
    if (current !== undefined && affordable.has(current) && !staying.has(current)) staying.add(current);
    else free.push(mid);
  }
  const changes: WatchChange[] = [];
  for (const participant of affordable) {
    if (staying.has(participant)) continue;
    const mid = free.shift();
    if (mid !== undefined) changes.push({ mid, participant });
  }
  for (const mid of free) if (shown.has(mid)) changes.push({ mid, participant: null });
  return changes;
}
