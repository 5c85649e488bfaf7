import { createHash } from "node:crypto";
import { formatInstant, type Micros } from "@quarterpast/domain";

/** The metered values of a row, in canonical form. */
export interface RowValues {
  time: Micros;
  subject: string;
  /** In the order of the mapping; the value is empty for a meter that counts. */
  meters: readonly (readonly [code: string, value: string])[];
  /** The account named by the row in its own column. */
  account?: string | undefined;
}

/** A V8 Map is limited to 16.7 million entries; 256 of them hold any file that fits on the machine. */
const MAPS = 256;

/**
 * Creates the function that derives row ids: SHA-256 in hex of the mapped values and of the ordinal among the equal
 * rows read so far. So line ends, quoting and other columns do not matter, and equal rows get different ids.
 */
export function createRowIds(): (values: RowValues) => string {
  const seen = Array.from({ length: MAPS }, () => new Map<string, number>());
  return ({ time, subject, meters, account }) => {
    const values = [formatInstant(time), subject, meters, ...(account === undefined ? [] : [account])];
    const hash = createHash("sha256").update(JSON.stringify(values), "utf8");
    const equal = hash.copy().digest();
    const counts = seen[equal[0]!]!;
    const key = equal.toString("latin1", 1, 17);
    const ordinal = counts.get(key) ?? 0;
    counts.set(key, ordinal + 1);
    return hash.update(`\n${ordinal}`, "utf8").digest("hex");
  };
}
