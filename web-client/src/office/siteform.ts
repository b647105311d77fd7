// One site in a form: what stands in it, and what of it is another thing than before; pure.

import type { AmendSite, Site } from "./model.ts";

/** Everything as it is written. */
export interface SiteText {
  name: string;
  contactName: string;
  contactPhone: string;
  contactEmail: string;
  seats: string;
  lineProfile: string;
  standByDevice: string;
  groups: string;
}

export function textOf(site: Site): SiteText {
  return {
    name: site.name,
    contactName: site.contactName ?? "",
    contactPhone: site.contactPhone ?? "",
    contactEmail: site.contactEmail ?? "",
    seats: site.seats == null ? "" : String(site.seats),
    lineProfile: site.lineProfile ?? "",
    standByDevice: site.standByDevice ?? "",
    groups: (site.groups ?? []).join("; "),
  };
}

/** What is wrong with what is written, by its place. The server judges the rest. */
export function wrongIn(text: SiteText): Partial<Record<keyof SiteText, "required" | "number" | "email">> {
  return {
    ...(text.name.trim() === "" && { name: "required" as const }),
    ...(!/^\d{0,6}$/u.test(text.seats.trim()) && { seats: "number" as const }),
    ...(text.contactEmail.trim() !== "" && !/^\S+@\S+$/u.test(text.contactEmail.trim()) && { contactEmail: "email" as const }),
  };
}

/** What is to be another thing; nothing where all is as it was. */
export function changesOf(site: Site, text: SiteText): AmendSite {
  const before = textOf(site);
  const isOther = (name: keyof SiteText) => before[name].trim() !== text[name].trim();
  const said = (name: keyof SiteText) => (text[name].trim() === "" ? null : text[name].trim());
  return {
    ...(isOther("name") && { name: text.name.trim() }),
    ...(isOther("contactName") && { contactName: said("contactName") }),
    ...(isOther("contactPhone") && { contactPhone: said("contactPhone") }),
    ...(isOther("contactEmail") && { contactEmail: said("contactEmail") }),
    ...(isOther("seats") && { seats: text.seats.trim() === "" ? null : Number(text.seats.trim()) }),
    ...(isOther("lineProfile") && { lineProfile: said("lineProfile") }),
    ...(isOther("standByDevice") && { standByDevice: said("standByDevice") }),
    ...(isOther("groups") && { groups: groupsIn(text.groups) }),
  };
}

/** The names of groups in a line, with semicolons or commas between them. */
export function groupsIn(line: string): string[] {
  return [...new Set(line.split(/[;,]/u).map((name) => name.trim()).filter((name) => name !== ""))];
}
