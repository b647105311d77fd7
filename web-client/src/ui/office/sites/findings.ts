// What is wrong with a list, in words.

import type { Finding, Level, ListColumn } from "../../../office/model.ts";
import { isSaid, number, t } from "../../i18n.svelte.ts";

export const columnCalled = (column: ListColumn): string => t(`directory.column.${column}`);
export const levelCalled = (level: Level): string => t(`directory.level.${level}`);

/** A word that may name a level. */
const word = (text: string): string => (isSaid(`directory.level.${text}`) ? levelCalled(text as Level) : text);

export function findingSentence({ code, column, site, value, right, row }: Finding): string {
  const isLevel = code === "parent_missing" || code === "parent_level";
  const values = {
    site,
    value: code === "parent_missing" ? word(value) : code === "many_vanish" ? number(Number(value)) : value,
    right: isLevel ? word(right) : code === "many_vanish" ? number(Number(right)) : right,
    column: column == null ? "" : columnCalled(column),
  };
  const sentence = code === "parent_unknown" && right !== "" ? t("directory.parent_unknown_near", values) : t(`directory.finding.${code}`, values);
  return row === 0 ? sentence : t("directory.at_row", { row: number(row), sentence });
}
