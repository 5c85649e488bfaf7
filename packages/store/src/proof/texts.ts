import type { Db } from "../db/database.js";
import { readAll } from "./eventLines.js";

/** Lines that the database joins to one text: fewer cost more rows, larger texts fresh pages. */
export const LINES_PER_TEXT = 100;
export const TEXTS_AT_ONCE = 40;

/** The column `text` of a query, some rows at a time. The caller has a transaction open. */
export async function* readTexts(
  db: Db,
  cursor: string,
  sql: string,
  parameters: readonly unknown[],
  textsAtOnce = TEXTS_AT_ONCE,
): AsyncGenerator<string[]> {
  for await (const rows of readAll<{ text: string }>(db, cursor, sql, parameters, textsAtOnce))
    yield rows.map(({ text }) => text);
}
