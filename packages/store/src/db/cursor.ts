import type { Db } from "./database.js";

const ROWS_AT_ONCE = 2_000;

/** Rows of a query through a cursor, in batches. The caller has a transaction open. */
export async function* readAll<T extends object>(
  db: Db,
  cursor: string,
  sql: string,
  parameters: readonly unknown[],
  rowsAtOnce = ROWS_AT_ONCE,
): AsyncGenerator<T[]> {
  await db.query(`DECLARE ${cursor} NO SCROLL CURSOR FOR ${sql}`, [...parameters]);
  for (;;) {
    const { rows } = await db.query<T>(`FETCH FORWARD ${rowsAtOnce} FROM ${cursor}`);
    if (rows.length > 0) yield rows;
    if (rows.length < rowsAtOnce) break;
  }
  await db.query(`CLOSE ${cursor}`);
}

/** Lines that the database joins into one text: with fewer the rows cost more, with larger texts the memory. */
export const LINES_PER_TEXT = 100;
export const TEXTS_AT_ONCE = 40;

/** The column `text` of a query, in batches of rows. The caller has a transaction open. */
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
