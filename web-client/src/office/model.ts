// What the server tells, by the names that the pages use.

import type { components } from "./schema.d.ts";

type Schemas = components["schemas"];

/** A place that conferences expect. */
export type Site = Schemas["Site"];
