// What of a browser jsdom does not have and the pages use. Import this before any component.

import { FakeConnection } from "./connection.ts";

/** Every list is this high, in pixels, and every row of one as high as it says it is. */
const LIST_HEIGHT = 960;
const ROW_HEIGHT = 48;

class FakeResizeObserver {
  readonly #report: ResizeObserverCallback;

  constructor(report: ResizeObserverCallback) {
    this.#report = report;
  }

  observe(target: Element): void {
    const height = target.parentElement?.classList.contains("list") === true ? LIST_HEIGHT : ROW_HEIGHT;
    const entry = { target, contentRect: { width: 500, height } } as unknown as ResizeObserverEntry;
    queueMicrotask(() => this.#report([entry], this));
  }

  unobserve(): void {
    // Nothing is kept.
  }

  disconnect(): void {
    // Nothing is kept.
  }
}

class FakeMediaStream {
  readonly #tracks: readonly MediaStreamTrack[];

  constructor(tracks: readonly MediaStreamTrack[] = []) {
    this.#tracks = tracks;
  }

  getTracks(): readonly MediaStreamTrack[] {
    return this.#tracks;
  }

  getVideoTracks(): readonly MediaStreamTrack[] {
    return this.#tracks;
  }
}

function openDialog(this: HTMLElement): void {
  this.setAttribute("open", "");
  const wanted = this.querySelector<HTMLElement>("[autofocus]") ?? this.querySelector("button");
  wanted?.focus();
}

function closeDialog(this: HTMLElement): void {
  if (!this.hasAttribute("open")) return;
  this.removeAttribute("open");
  this.dispatchEvent(new Event("close"));
}

Object.assign(globalThis, {
  matchMedia: () => Object.assign(new EventTarget(), { matches: false }),
  ResizeObserver: FakeResizeObserver,
  MediaStream: FakeMediaStream,
  RTCPeerConnection: class extends FakeConnection {},
});
const dialogs: unknown = globalThis.HTMLDialogElement?.prototype ?? HTMLElement.prototype;
Object.assign(dialogs as object, { showModal: openDialog, close: closeDialog });
Object.defineProperty(HTMLElement.prototype, "offsetParent", { get: () => document.body });
HTMLVideoElement.prototype.getVideoPlaybackQuality = () => ({ totalVideoFrames: 0 }) as VideoPlaybackQuality;
Object.assign(HTMLMediaElement.prototype, { play: () => Promise.resolve(), pause: () => undefined });
HTMLElement.prototype.scrollTo = (() => undefined);
// A button of a dialog's own form closes it.
window.addEventListener("click", (event) => {
  const form = event.target instanceof Element ? event.target.closest("button")?.closest('form[method="dialog"]') : null;
  if (form == null) return;
  event.preventDefault();
  const dialog = form.closest("dialog");
  if (dialog !== null) closeDialog.call(dialog);
});
