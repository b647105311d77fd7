// Names as people type them, and what the name of a province says of its kind. Pure.

/** Lower case without Vietnamese accents: what a hurried person types. */
export function fold(text: string): string {
  return text
    .normalize("NFD")
    .replaceAll(/\p{Mn}/gu, "")
    .replaceAll(/[đĐ]/gu, "d")
    .toLowerCase();
}

const CITY = "thanh pho ";
/** What most begin with, folded. */
export const PROVINCE = "tinh ";

/** What a province's name begins with that is no name, without accents; empty for a bare one. */
export function kindOfProvince(name: string): string {
  const folded = fold(name);
  return [CITY, PROVINCE].find((kind) => folded.startsWith(kind)) ?? "";
}

/** Where there is no room for what kind of province it is. */
export function shortProvince(name: string): string {
  return name.slice(kindOfProvince(name).length);
}
