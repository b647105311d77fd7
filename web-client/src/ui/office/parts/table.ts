// What a table is told of its columns, and how it is put in order; pure.

/** One column. */
export interface Column<Row> {
  readonly id: string;
  readonly label: string;
  /** What stands there, unless the page draws it. */
  readonly text: (row: Row) => string;
  /** How rows are put in order by it; without it they are not. */
  readonly order?: (one: Row, other: Row) => number;
  readonly isNumber?: boolean;
  /** Short enough to stand in one line, whatever is beside it. */
  readonly isOneLine?: boolean;
  /** From which width of the table on it is shown: always, in half a window, or in a whole one. */
  readonly from?: "half" | "whole";
}

export interface Sorting {
  readonly column: string;
  readonly isDescending: boolean;
}

/** The next order when the head of `column` is pressed: up, down, and as the server has it. */
export function pressed(now: Sorting | null, column: string): Sorting | null {
  if (now?.column !== column) return { column, isDescending: false };
  return now.isDescending ? null : { column, isDescending: true };
}

export function sorted<Row>(rows: readonly Row[], columns: readonly Column<Row>[], sorting: Sorting | null): readonly Row[] {
  const order = columns.find(({ id }) => id === sorting?.column)?.order;
  if (sorting === null || order === undefined) return rows;
  const way = sorting.isDescending ? -1 : 1;
  return [...rows].sort((one, other) => way * order(one, other));
}

/** Which row has the focus after a key, of `count`; `null` if the key means nothing here. */
export function rowAfter(key: string, at: number, count: number): number | null {
  switch (key) {
    case "ArrowDown":
      return Math.min(count - 1, at + 1);
    case "ArrowUp":
      return Math.max(0, at - 1);
    case "Home":
      return 0;
    case "End":
      return count - 1;
    default:
      return null;
  }
}
