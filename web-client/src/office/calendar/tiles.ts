// Where each province stands on a map of tiles: a country as people know it from the wall, every province of one size. Pure.

/** Column and row. */
export interface Tile {
  readonly column: number;
  readonly row: number;
}

/** The thirty-four, from the north-west to the cape, by code. */
const VIETNAM: readonly string[] = [
  ".  12 15 08 04 .",
  "11 14 25 19 20 .",
  ".  .  01 24 31 22",
  ".  .  37 33 .  .",
  ".  .  38 .  .  .",
  ".  .  40 .  .  .",
  ".  .  42 .  .  .",
  ".  .  44 46 .  .",
  ".  .  .  48 51 .",
  ".  .  .  .  52 .",
  ".  .  75 68 66 .",
  ".  80 79 .  56 .",
  "91 82 86 .  .  .",
  "96 92 .  .  .  .",
];

const KNOWN: ReadonlyMap<string, Tile> = new Map(
  VIETNAM.flatMap((line, row) => line.trim().split(/\s+/u).map((code, column): [string, Tile] => [code, { column: column + 1, row: row + 1 }])).filter(([code]) => code !== "."),
);

/** So many beside each other where the map is not that of this country. */
const COLUMNS = 6;

/** The tile of each, on the map that all of them are on, else one after the other. */
export function tilesOf(provinces: readonly string[]): ReadonlyMap<string, Tile> {
  const isMapped = provinces.length > 0 && provinces.every((code) => KNOWN.has(code));
  const inOrder = (index: number): Tile => ({ column: (index % COLUMNS) + 1, row: Math.floor(index / COLUMNS) + 1 });
  return new Map(provinces.map((code, index) => [code, (isMapped ? KNOWN.get(code) : undefined) ?? inOrder(index)]));
}
