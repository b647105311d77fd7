// Days as people write them, where it is otherwise than browsers do. Pure.

/** A day written out, its year joined to the month as the language joins them: browsers put a comma there in Vietnamese. */
export function withYear(written: string, language: string): string {
  const parts = new Intl.DateTimeFormat(language, { month: "long", year: "numeric" }).formatToParts(0);
  const joint = parts[parts.findIndex(({ type }) => type === "year") - 1];
  return joint?.type === "literal" ? written.replace(/, (?=\d{4}$)/u, joint.value) : written;
}
