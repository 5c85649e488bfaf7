import { exportRow, infoOf } from "@quarterpast/contract";
import type { Text } from "@quarterpast/domain";
import { EXPORT_COLUMNS } from "@quarterpast/store";

/** The UTF-8 byte order mark: without it spreadsheet programs read Chinese as the local code page. */
const BOM = "\uFEFF";

/** The titles of an export's columns as its first line. */
export function csvHeader(language: keyof Text): string {
  return BOM + EXPORT_COLUMNS.map((name) => infoOf(exportRow.shape[name])!.title[language]).join(",");
}
