// What is asked now and again, while somebody may look.

/** Asks at once and every so many milliseconds, and when somebody comes back to the page. Call what it returns to end it. */
export function every(milliseconds: number, ask: () => () => void): () => void {
  let forget = ask();
  const again = (): void => {
    if (!document.hidden) forget = ask();
  };
  const timer = setInterval(again, milliseconds);
  document.addEventListener("visibilitychange", again);
  return () => {
    clearInterval(timer);
    document.removeEventListener("visibilitychange", again);
    forget();
  };
}
