// How a person lets this page use a device that the browser keeps back: each browser asks and answers elsewhere. Pure.

/** What is pressed to get there; `other`: nobody knows. */
export type Way = "sliders" | "padlock" | "firefox" | "safari" | "iphone" | "android" | "other";

/** A system that may keep devices back itself, whatever the browser allows. */
export type System = "windows" | "mac" | "phone" | "other";

/** From this version on Chrome shows two sliders where a padlock was. */
const SLIDERS_SINCE = 117;

/** Reads it out of what the browser calls itself. One that pretends to be another gets the other's words. */
export function wayOf(userAgent: string): Way {
  if (/iPhone|iPad/u.test(userAgent)) return "iphone";
  if (/Firefox\//u.test(userAgent)) return /Android/u.test(userAgent) ? "android" : "firefox";
  const [, version] = /Chrome\/(\d+)/u.exec(userAgent) ?? [];
  if (version !== undefined) {
    if (/Android/u.test(userAgent)) return "android";
    return /Edg\/|coc_coc/u.test(userAgent) || Number(version) < SLIDERS_SINCE ? "padlock" : "sliders";
  }
  return /Safari\//u.test(userAgent) ? "safari" : "other";
}

export function systemOf(userAgent: string): System {
  if (/iPhone|iPad|Android/u.test(userAgent)) return "phone";
  if (/Windows/u.test(userAgent)) return "windows";
  return /Mac OS X/u.test(userAgent) ? "mac" : "other";
}
