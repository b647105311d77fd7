// Every language, in the parts that the build makes of `locales` (see `dev/locales.ts`).

declare module "virtual:sentences" {
  export const sentences: Readonly<Record<string, import("./ui/sentences.ts").Messages>>;
}

declare module "virtual:sentences/room" {
  export const sentences: Readonly<Record<string, import("./ui/sentences.ts").Messages>>;
}

declare module "virtual:sentences/desk" {
  export const sentences: Readonly<Record<string, import("./ui/sentences.ts").Messages>>;
}

declare module "virtual:sentences/check" {
  export const sentences: Readonly<Record<string, import("./ui/sentences.ts").Messages>>;
}

declare module "virtual:sentences/office" {
  export const sentences: Readonly<Record<string, import("./ui/sentences.ts").Messages>>;
}

declare module "virtual:sentences/reply" {
  export const sentences: Readonly<Record<string, import("./ui/sentences.ts").Messages>>;
}
