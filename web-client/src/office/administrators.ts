// Whether accounts stay manageable: there is somebody who can, whatever a provider makes of its groups.

import type { Administrators } from "./model.ts";

/** What is to be seen to. `missing`: nobody can manage accounts; `foreign`: nobody could without a provider. */
export type AdministratorsConcern = "missing" | "foreign";

export function concernOf({ canLogIn, withPassword }: Administrators): AdministratorsConcern | null {
  if (canLogIn === 0) return "missing";
  return withPassword === 0 ? "foreign" : null;
}
