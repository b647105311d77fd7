// What a key means on an operator's page. Pure.

/** What an operator may do by a key. */
export type Shortcut = "search" | "help" | "grantFirst" | "revoke" | "missing" | "back" | "microphone" | "camera";

/** What of a keyboard event counts here. */
export interface KeyPress {
  readonly key: string;
  /** The key by its place, as with Alt some systems write other letters. */
  readonly code: string;
  readonly repeat: boolean;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
}

/**
 * A letter that comes sooner than this after another one is part of a word, which somebody types who thinks that a
 * field has the focus, in milliseconds. Higher: two shortcuts in a row need patience. Lower: a slow typist's word
 * holds shortcuts.
 */
const WORD_MS = 1_000;

const PLAIN: Readonly<Record<string, Shortcut>> = {
  "/": "search",
  "?": "help",
  g: "grantFirst",
  r: "revoke",
  v: "missing",
};

/** Whether this key writes something. */
export function isWriting({ key, ctrlKey, metaKey, altKey }: KeyPress): boolean {
  return key.length === 1 && !ctrlKey && !metaKey && !altKey;
}

/**
 * The shortcut that a press means, if any. One that is held means nothing. `lastWritten` is when the last key that
 * writes was pressed; `areOn`: keys without a modifier do something.
 */
export function shortcutFor(press: KeyPress, now: number, lastWritten: number, areOn: boolean): Shortcut | null {
  if (press.repeat || press.ctrlKey || press.metaKey) return null;
  if (press.key === "Escape") return "back";
  if (press.altKey) {
    if (press.code === "KeyM") return "microphone";
    return press.code === "KeyC" ? "camera" : null;
  }
  if (!areOn || !isWriting(press) || now - lastWritten < WORD_MS) return null;
  return PLAIN[press.key.toLowerCase()] ?? null;
}
