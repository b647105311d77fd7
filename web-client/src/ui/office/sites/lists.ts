// A list of sites as a file: how it is sent, to be looked at and to be imported.

import { answered, type Api } from "../../../office/api.ts";
import type { ImportSummary, Preview, PreviewQuery } from "../../../office/model.ts";

/** A file as it was when somebody chose it: the one on the disk may be another by now. */
export interface ListFile {
  readonly name: string;
  readonly bytes: ArrayBuffer;
  readonly kind: string;
}

const WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/** Largest list that the server takes, in bytes. */
export const MAX_BYTES = 16 * 1024 * 1024;

export async function readFile(file: File): Promise<ListFile> {
  const bytes = await file.arrayBuffer();
  return { name: file.name, bytes, kind: /\.xlsx$/iu.test(file.name) ? WORKBOOK : "text/csv" };
}

/** How a file is sent: as it is. */
const sending = ({ bytes, kind }: ListFile) => ({
  headers: { "content-type": kind },
  // The description knows a body of bytes as a text.
  body: "",
  bodySerializer: (): Blob => new Blob([bytes]),
});

export const preview = (api: Api, file: ListFile, query: PreviewQuery): Promise<Preview> =>
  answered(api.POST("/api/v1/sites/import/preview", { params: { query }, ...sending(file) }));

/** Does what a preview has shown, or nothing. */
export function importList(api: Api, file: ListFile, { from: _, limit: __, ...wish }: PreviewQuery, digest: string, confirm: boolean): Promise<ImportSummary> {
  return answered(api.POST("/api/v1/sites/import", { params: { query: { ...wish, digest, confirm } }, ...sending(file) }));
}
