// What outlives a reload (this tab) or a visit (this browser). A browser that forbids storage works without.

import type { DeviceKind, DeviceMemory } from "./devices.ts";
import type { Consent, Credentials, Session } from "./signaling.ts";

const TOKEN = "dinh.token";
const SESSION = "dinh.session";
const CONSENT = "dinh.consent";
const LANGUAGE = "dinh.language";
const VOLUME = "dinh.volume";
const LOUDSPEAKER = "dinh.loudspeaker";
const SAVING = "dinh.saving";
const SHORTCUTS = "dinh.shortcuts";
const DEVICE: Readonly<Record<DeviceKind, string>> = { microphone: "dinh.microphone", camera: "dinh.camera" };

function parseSession(text: string | null): Session | null {
  if (text === null) return null;
  try {
    const value = JSON.parse(text) as Partial<Session> | null;
    const { id, secret } = value ?? {};
    return typeof id === "string" && typeof secret === "string" ? { id, secret } : null;
  } catch {
    return null;
  }
}

function parseConsent(text: string | null): Consent {
  if (text === null) return "nothing";
  return text === "picture" ? text : "everything";
}

/** Storage that may be missing or forbidden. */
export class Shelf {
  readonly #storage: Storage | undefined;

  constructor(storage: () => Storage) {
    try {
      this.#storage = storage();
    } catch {
      this.#storage = undefined;
    }
  }

  read(key: string): string | null {
    return this.#storage?.getItem(key) ?? null;
  }

  write(key: string, value: string | null): void {
    try {
      if (value === null) this.#storage?.removeItem(key);
      else this.#storage?.setItem(key, value);
    } catch {
      // Full or forbidden: the page works on, and forgets.
    }
  }
}

/** Token and session of this tab. A token in the link begins anew: the old session is dropped. */
export class TabCredentials implements Credentials {
  readonly #shelf = new Shelf(() => sessionStorage);
  #token: string | null;
  #session: Session | null;
  #consent: Consent;

  constructor() {
    this.#token = this.#shelf.read(TOKEN);
    this.#session = parseSession(this.#shelf.read(SESSION));
    this.#consent = this.#session === null ? "nothing" : parseConsent(this.#shelf.read(CONSENT));
    this.#shelf.write(CONSENT, null);
  }

  get consent(): Consent {
    return this.#consent;
  }

  keepConsent(consent: Consent): void {
    this.#consent = consent;
  }

  /**
   * The page is about to be loaded anew. Consent is on the shelf from here to there only: a browser that makes a second
   * tab out of this one copies the shelf, and nobody has consented in that tab.
   */
  putAway(): void {
    this.#shelf.write(CONSENT, this.#consent === "nothing" ? null : this.#consent);
  }

  /** Keeps the token of a link. */
  keepToken(token: string): void {
    if (token === this.#token) return;
    this.#token = token;
    this.#shelf.write(TOKEN, token);
    this.keepSession(null);
  }

  get token(): string | null {
    return this.#token;
  }

  get session(): Session | null {
    return this.#session;
  }

  keepSession(session: Session | null): void {
    this.#session = session;
    this.#shelf.write(SESSION, session === null ? null : JSON.stringify(session));
  }

  /** Forgets the token too: the person left. */
  forget(): void {
    this.#token = null;
    this.keepSession(null);
    this.#shelf.write(TOKEN, null);
  }
}

/** What this browser remembers from visit to visit. */
export class Preferences implements DeviceMemory {
  readonly #shelf = new Shelf(() => localStorage);

  get language(): string | null {
    return this.#shelf.read(LANGUAGE);
  }

  keepLanguage(language: string): void {
    this.#shelf.write(LANGUAGE, language);
  }

  /** 0 to 1. */
  get volume(): number {
    const volume = Number(this.#shelf.read(VOLUME) ?? "1");
    return volume >= 0 && volume <= 1 ? volume : 1;
  }

  keepVolume(volume: number): void {
    this.#shelf.write(VOLUME, String(volume));
  }

  /** An empty string: the system's own. */
  get loudspeaker(): string {
    return this.#shelf.read(LOUDSPEAKER) ?? "";
  }

  keepLoudspeaker(id: string): void {
    this.#shelf.write(LOUDSPEAKER, id);
  }

  /** Data is to be saved. */
  get saves(): boolean {
    return this.#shelf.read(SAVING) === "yes";
  }

  keepSaving(saves: boolean): void {
    this.#shelf.write(SAVING, saves ? "yes" : null);
  }

  /** Whether keys without a modifier do something (WCAG 2.1.4). */
  get hasShortcuts(): boolean {
    return this.#shelf.read(SHORTCUTS) !== "off";
  }

  keepShortcuts(on: boolean): void {
    this.#shelf.write(SHORTCUTS, on ? null : "off");
  }

  chosen(kind: DeviceKind): string {
    return this.#shelf.read(DEVICE[kind]) ?? "";
  }

  choose(kind: DeviceKind, id: string): void {
    this.#shelf.write(DEVICE[kind], id);
  }
}
