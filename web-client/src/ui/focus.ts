// Keeps the focus near where it was when what had it goes away: whoever uses the keyboard does not begin anew at the top.

/** Everything around an element, the nearest first; it cannot be asked for once the element is gone. */
function around(element: Element): readonly HTMLElement[] {
  const list: HTMLElement[] = [];
  for (let next = element.parentElement; next !== null; next = next.parentElement) list.push(next);
  return list;
}

function canKeep(element: Element): boolean {
  return element.isConnected && !element.matches(":disabled") && element.closest("[inert]") === null;
}

const FOCUSABLE = "button, input, select, summary, a[href], [tabindex]";

/** Watches `root` until `signal` aborts. */
export function keepFocus(root: HTMLElement, signal: AbortSignal): void {
  let last: { readonly element: Element; readonly around: readonly HTMLElement[] } | null = null;

  function remember(): void {
    const { activeElement } = document;
    if (activeElement !== null && root.contains(activeElement) && activeElement !== root) {
      last = { element: activeElement, around: around(activeElement) };
    }
  }

  function look(): void {
    if (last === null || canKeep(last.element)) return;
    const { activeElement } = document;
    // Something else has taken it.
    if (activeElement !== null && activeElement !== document.body && activeElement !== last.element) return;
    const next = last.around.find((element) => root.contains(element) && canKeep(element));
    last = null;
    if (next === undefined) return;
    if (!next.hasAttribute("tabindex")) {
      next.tabIndex = -1;
      next.dataset["holdsFocus"] = "";
    }
    next.focus({ preventScroll: true });
  }

  root.addEventListener("focusin", remember, { signal });
  // A press beside everything gives it up. (Not every browser says so, and some do of what only went away.)
  root.addEventListener(
    "pointerdown",
    ({ target }) => {
      if (target instanceof Element && target.closest(FOCUSABLE) === null) last = null;
    },
    { signal },
  );
  const observer = new MutationObserver(look);
  observer.observe(root, { subtree: true, childList: true, attributes: true, attributeFilter: ["disabled", "inert"] });
  signal.addEventListener("abort", () => observer.disconnect(), { once: true });
}
