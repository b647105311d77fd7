// What is gone through for a whole country takes the server a while: nobody is to think that it has failed.

/** From when on it is said that something takes long, in milliseconds. Lower: it is said of what is there in a moment. */
export const LONG_MS = 8_000;

/** Says so once it has taken so long. Call what it returns when it is there, or has failed. */
export function afterLong(say: () => void): () => void {
  const timer = setTimeout(say, LONG_MS);
  return () => clearTimeout(timer);
}
