import type { ImportField, ImportKind } from "./fields.js";

/** How a file of a kind is read: saved under a name, so that next month's export needs no thought. */
export interface ImportProfile {
  kind: ImportKind;
  /** Headers of the file by field, beside those that are known anyway. */
  columns: Partial<Record<ImportField, string>>;
  /** Minutes that times without a zone are ahead of UTC: 480 for Beijing. */
  zoneMinutes: number;
  /** Name of the sheet; the first where absent. */
  sheet?: string | undefined;
  /** Currency of a bill that has no column for it. */
  currency?: string | undefined;
}
