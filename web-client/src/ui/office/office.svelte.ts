// What the pages of the office share: who is here, at which page, and the way to the server.

import { Preferences } from "../../memory.ts";
import { type Address, type Invited, readAddress, welcomed } from "../../office/addresses.ts";
import { type Api, makeApi } from "../../office/api.ts";
import { askWho, type LoggedIn, logOut, type ProviderRefusal, providerRefusal } from "../../office/login.ts";
import type { Verb } from "../../office/verbs.ts";
import { type Language, language, speak } from "../i18n.svelte.ts";

/** The office in one window. */
export class Office {
  /** Who is here; `null` if nobody has logged in. */
  who = $state.raw<LoggedIn | null>(null);
  /** Whether it is known who is here; why not, where the server could not be asked. */
  isKnown = $state(false);
  fault = $state.raw<unknown>(null);
  /** The server no longer knows who is here. The page stays as it is until somebody has logged in again. */
  isEnded = $state(false);
  address = $state.raw<Address>(readAddress(""));
  /** A one-time code with which this window was opened. */
  welcome = $state.raw<Invited | null>(null);
  /** Why somebody does not come in who was at a provider. */
  refusal = $state<ProviderRefusal | null>(null);

  readonly api: Api;
  readonly #preferences = new Preferences();
  readonly #life = new AbortController();
  readonly #location: Location;
  /** What waits until somebody has logged in again. */
  #waiting: (() => void)[] = [];

  constructor(page: { location: Location; history: History }) {
    this.#location = page.location;
    this.api = makeApi(() => this.#again());
    this.welcome = welcomed(page.location.hash);
    this.refusal = providerRefusal(page.location.hash);
    // The code does not stay where it can be read over a shoulder, nor the refusal where it would come with a reload.
    if (this.welcome !== null || this.refusal !== null) page.history.replaceState(null, "", page.location.pathname + page.location.search);
    speak(this.#preferences.language);
    const read = () => (this.address = readAddress(this.#location.hash));
    window.addEventListener("hashchange", read, { signal: this.#life.signal });
    read();
  }

  get signal(): AbortSignal {
    return this.#life.signal;
  }

  /** Asks the server who is here. */
  async ask(): Promise<void> {
    this.fault = null;
    try {
      this.who = await askWho();
      this.isKnown = true;
    } catch (error) {
      this.fault = error;
    }
  }

  /** Somebody has logged in. Whoever comes back goes on where they were; anybody else begins anew. */
  enter(who: LoggedIn): void {
    const isSame = this.who?.account.id === who.account.id;
    this.who = who;
    this.isKnown = true;
    this.isEnded = false;
    this.welcome = null;
    this.refusal = null;
    const waiting = this.#waiting;
    this.#waiting = [];
    if (isSame) for (const goOn of waiting) goOn();
  }

  async leave(): Promise<void> {
    // One that the server does not know any more is over as well.
    await logOut().catch(() => undefined);
    this.#waiting = [];
    this.isEnded = false;
    this.who = null;
  }

  /** What stands behind the address of the page, for whoever comes back to it. */
  get hash(): string {
    const { path, query } = this.address;
    return query.size === 0 ? `#${path}` : `#${path}?${query}`;
  }

  may(verb: Verb): boolean {
    return this.who?.verbs.includes(verb) ?? false;
  }

  /** Whether somebody may who has any of these; where there are none, everybody may. */
  mayAny(verbs: readonly Verb[]): boolean {
    return verbs.length === 0 || verbs.some((verb) => this.may(verb));
  }

  go(path: string): void {
    this.#location.hash = path;
  }

  get language(): Language {
    return language();
  }

  switchLanguage(next: Language): void {
    speak(next);
    this.#preferences.keepLanguage(next);
  }

  /** Ends when the same person has logged in again. */
  #again(): Promise<void> {
    this.isEnded = true;
    return new Promise((goOn) => this.#waiting.push(goOn));
  }
}
