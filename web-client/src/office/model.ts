// What the server tells, by the names that the pages use.

import type { components, operations } from "./schema.d.ts";

type Schemas = components["schemas"];

/** A place that conferences expect. */
export type Site = Schemas["Site"];

/** What is to be another thing of a site. */
export type AmendSite = Schemas["AmendSite"];

/** Where a site stands. */
export type Level = Schemas["Level"];

/** From above. */
export const LEVELS: readonly Level[] = ["central", "province", "commune", "school", "hospital", "company", "place"];

/** What a list says of a site. */
export type ListColumn = Schemas["Column"];

/** In the order of an export. */
export const LIST_COLUMNS: readonly ListColumn[] = [
  "code", "name", "level", "parent_code", "contact_name", "contact_phone", "contact_email", "seats", "line_profile", "stand_by_device", "groups",
];

/** What a list would change. */
export type Preview = Schemas["Preview"];

/** What is wrong with a list, or looks so. */
export type Finding = Preview["findings"]["entries"][number];

/** What an import has done. */
export type ImportSummary = Schemas["ImportSummary"];

/** What may be said of a list that is looked at. */
export type PreviewQuery = NonNullable<operations["postSitesImportPreview"]["parameters"]["query"]>;

/** A person who may log in. */
export type Account = Schemas["Account"];

/** How many people can manage accounts. */
export type Administrators = Pick<Schemas["AdministratorsShown"], "canLogIn" | "withPassword">;

/** What an account lets its person do. */
export type AccountRole = Schemas["AccountRole"];

/** Whoever may most first. */
export const ACCOUNT_ROLES: readonly AccountRole[] = ["admin", "national", "provincial", "chair", "technician", "auditor"];

/** That somebody is logged in. */
export type Login = Schemas["Login"];

/** What somebody has done. */
export type Act = Schemas["Act"];
