// Makes an unknown message key a compile error.

import type vi from "./locales/vi.json";

declare module "i18next" {
  interface CustomTypeOptions {
    defaultNS: "translation";
    resources: { translation: typeof vi };
  }
}
