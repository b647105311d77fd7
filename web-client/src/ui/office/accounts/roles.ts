// What an account lets its person do, in words.

import { ACCOUNT_ROLES, type AccountRole } from "../../../office/model.ts";
import { t } from "../../i18n.svelte.ts";

export const roleCalled = (role: string): string => ((ACCOUNT_ROLES as readonly string[]).includes(role) ? t(`account.role.${role as AccountRole}`) : role);

export const roleOptions = () => ACCOUNT_ROLES.map((value) => ({ value, label: t(`account.role.${value}`) }));
