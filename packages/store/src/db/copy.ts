import { finished } from "node:stream/promises";
import type pg from "pg";
// COPY over pg's own connections: maintained together with pg, no dependencies.
import { from } from "pg-copy-streams";

/**
 * Appends rows to a table by COPY, in the client's transaction: takes half the time of an INSERT from arrays.
 * @param target table and columns, such as `residues (instance_no, hour, residue)`.
 * @param lines one per row: its values separated by tabs; escape texts from outside with {@link copyText}.
 */
export async function copyInto(
  client: pg.PoolClient,
  target: string,
  lines: readonly string[],
): Promise<void> {
  if (lines.length === 0) return;
  const stream = client.query(from(`COPY ${target} FROM STDIN`));
  stream.end(Buffer.from(`${lines.join("\n")}\n`, "utf8"));
  await finished(stream);
}

const SPECIAL = /[\\\t\n\r]/;
const ESCAPES: Record<string, string> = { "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r" };

/** A text, or null, as a value in a line. */
export function copyText(value: string | null): string {
  if (value === null) return "\\N";
  return SPECIAL.test(value) ? value.replace(/[\\\t\n\r]/g, (one) => ESCAPES[one]!) : value;
}
