// The latest checks of lines, as an operator's desk knows them: asked for now and then, and by a code that is typed.

import { codeIn, fetchRecords, hasCode, type LineRecord, type Wanted } from "../../linecheck/records.ts";

/** How often they are asked for, in milliseconds. */
const EVERY_MS = 30_000;
/** How long a code that is being typed must stand still, in milliseconds. */
const TYPED_MS = 400;

/** Whose check a record is of: a site's, or that of an address. */
const keyOf = ({ site, address, reference }: LineRecord): string => site ?? `@${address ?? reference}`;

export class Checks {
  /** The latest of each site, and of each address without one. */
  all = $state.raw<ReadonlyMap<string, LineRecord>>(new Map());

  readonly #token: () => string | null;
  readonly #signal: AbortSignal;
  /** Those before are known. */
  #latest: string | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(token: () => string | null, signal: AbortSignal) {
    this.#token = token;
    this.#signal = signal;
    signal.addEventListener("abort", () => clearTimeout(this.#timer), { once: true });
    void this.#watch();
  }

  /** Those made without a site's link that have the code that was typed. */
  strays(query: string): readonly LineRecord[] {
    const code = codeIn(query);
    return code === null ? [] : [...this.all.values()].filter((record) => record.site === null && hasCode(record, code));
  }

  /** Asks for the check with the code that is typed, if it is one that is not known. Call what it returns to forget it. */
  lookUp(query: string): () => void {
    const code = codeIn(query);
    if (code === null || [...this.all.values()].some((record) => hasCode(record, code))) return () => undefined;
    const timer = setTimeout(() => void this.#ask({ code }), TYPED_MS);
    return () => clearTimeout(timer);
  }

  async #watch(): Promise<void> {
    const records = document.hidden ? [] : await this.#ask({ since: this.#latest });
    for (const { at } of records) if (this.#latest === null || Date.parse(at) > Date.parse(this.#latest)) this.#latest = at;
    if (!this.#signal.aborted) this.#timer = setTimeout(() => void this.#watch(), EVERY_MS);
  }

  /** A server that does not answer is asked again the next time. */
  async #ask(wanted: Wanted): Promise<readonly LineRecord[]> {
    const token = this.#token();
    if (token === null) return [];
    const records = await fetchRecords(token, wanted, this.#signal).catch(() => []);
    if (records.length === 0) return records;
    const next = new Map(this.all);
    for (const record of records) {
      const known = next.get(keyOf(record));
      if (known === undefined || Date.parse(known.at) <= Date.parse(record.at)) next.set(keyOf(record), record);
    }
    this.all = next;
    return records;
  }
}
