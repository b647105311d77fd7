// The layers of a camera, made from the size of its picture. Pure.

/** Pixels of a picture. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/**
 * Highest first: of a small picture browsers send fewer layers, and leave out the last ones. Bits per second at most;
 * the lowest is what an operator's small picture and the poorest line get. Of each, the server can leave out three
 * pictures of four for a line that carries no more.
 */
const LAYERS = [
  { rid: "h", scaleResolutionDownBy: 1, maxBitrate: 1_700_000, scalabilityMode: "L1T3" },
  { rid: "m", scaleResolutionDownBy: 2, maxBitrate: 500_000, scalabilityMode: "L1T3" },
  { rid: "l", scaleResolutionDownBy: 4, maxBitrate: 150_000, scalabilityMode: "L1T3" },
] as const;

/** A picture of so many pixels is good with so many bits per second; a smaller one needs more of them for each pixel. */
const GOOD = { pixels: 960 * 540, bitrate: 1_700_000, exponent: 0.87 };

/**
 * Fewer layers are sent of a picture that is smaller than this: browsers leave out the last ones by themselves. Pixels,
 * and how many layers.
 */
const WORTH = [
  { pixels: 960 * 540, layers: 3 },
  { pixels: 480 * 270, layers: 2 },
  { pixels: 0, layers: 1 },
] as const;

/** How many layers there are at most. */
export const ALL_LAYERS = LAYERS.length;

/** The layers before the camera is known. */
export const CAMERA_ENCODINGS: readonly RTCRtpEncodingParameters[] = LAYERS;

/** Bits per second at most of each layer of a picture of this size, by its RID. */
export function bitratesFor({ width, height }: Size): ReadonlyMap<string, number> {
  return new Map(
    LAYERS.map(({ rid, scaleResolutionDownBy, maxBitrate }) => {
      const pixels = (width * height) / scaleResolutionDownBy ** 2;
      const good = GOOD.bitrate * (pixels / GOOD.pixels) ** GOOD.exponent;
      return [rid, Math.min(maxBitrate, Math.round(good / 1_000) * 1_000)];
    }),
  );
}

/** Which layers of a picture of this size are sent where so many of them are looked at, the lowest first. */
export function layersSent({ width, height }: Size, wanted: number): ReadonlySet<string> {
  if (wanted >= ALL_LAYERS) return new Set(LAYERS.map(({ rid }) => rid));
  const worth = WORTH.find(({ pixels }) => width * height >= pixels)?.layers ?? 1;
  return new Set(LAYERS.slice(Math.max(0, worth - wanted), worth).map(({ rid }) => rid));
}
