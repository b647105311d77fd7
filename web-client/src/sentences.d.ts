// Every language, in the parts that the build makes of `locales` (see `dev/locales.ts`).

declare module "virtual:sentences" {
  export const sentences: Readonly<Record<string, import("i18next").ResourceLanguage>>;
}

declare module "virtual:sentences/later" {
  export const sentences: Readonly<Record<string, import("i18next").ResourceLanguage>>;
}
