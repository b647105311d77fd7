// The gallery always takes place on the same Wednesday morning: what a page says hangs on the hour and the day of the
// week, and no state may be another one by the hour at which somebody looks. Import it before anything that asks the
// time; a process that this one starts goes on with the same clock if it is started with `--import`.

const BEGINS_AT = Date.parse("2026-11-25T03:20:00Z");

const RealDate = Date;
process.env.GALLERY_SHIFT_MS ??= String(BEGINS_AT - RealDate.now());
const shift = Number(process.env.GALLERY_SHIFT_MS);

globalThis.Date = class extends RealDate {
  constructor(...parts) {
    super(...(parts.length === 0 ? [RealDate.now() + shift] : parts));
  }

  static now() {
    return RealDate.now() + shift;
  }
};
