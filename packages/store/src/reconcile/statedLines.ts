import { formatCompact, type Micros } from "@quarterpast/domain";
import { stamps, type Db } from "../db/database.js";
import type { StatedLine } from "./statements.js";

const LINES_AT_ONCE = 5_000;

/** Lines, including those without a serial number, with the records they name. */
export interface NamedLines {
  /** Each with a serial number: its own, that of our record, or its interval as text if none is ours. */
  lines: readonly StatedLine[];
  /** A record of ours that was sent with a serial number has a line without one: the list cannot show absence. */
  isAmbiguous: boolean;
}

/**
 * Gives lines without a serial number that of our record with the same instance, begin and end, which must have been
 * sent without one too. If there are several (one was filed again in the same interval), it is the last.
 * @param namedBySlot wire versions without a serial number
 */
export async function nameLines(
  db: Db,
  accountNo: number,
  lines: readonly StatedLine[],
  namedBySlot: readonly number[],
): Promise<NamedLines> {
  const nameless = lines.filter(({ serialNumber }) => serialNumber === "");
  if (nameless.length === 0) return { lines, isAmbiguous: false };
  const names = new Map<string, string>();
  let isAmbiguous = false;
  for (let from = 0; from < nameless.length; from += LINES_AT_ONCE) {
    for (const found of await findRecords(db, accountNo, nameless.slice(from, from + LINES_AT_ONCE))) {
      if (namedBySlot.includes(found.wireVersion)) names.set(intervalOf(found), found.sn);
      else isAmbiguous = true;
    }
  }
  const named = lines.map((line) =>
    line.serialNumber === ""
      ? { ...line, serialNumber: names.get(intervalOf(line)) ?? intervalOf(line) }
      : line,
  );
  return { lines: named, isAmbiguous };
}

type Place = Pick<StatedLine, "instanceId" | "begin" | "end">;

/** The name of a line without a record of ours. */
function intervalOf({ instanceId, begin, end }: Place): string {
  return `${instanceId} ${formatCompact(begin)}-${formatCompact(end)}`;
}

/** Our records of these intervals, in the order they were filed. */
async function findRecords(
  db: Db,
  accountNo: number,
  lines: readonly Place[],
): Promise<{ sn: string; wireVersion: number; instanceId: string; begin: Micros; end: Micros }[]> {
  const { rows } = await db.query<Awaited<ReturnType<typeof findRecords>>[number]>(
    `SELECT DISTINCT r.sn, r.seq, r.wire_version AS "wireVersion", i.instance_id AS "instanceId", r.begin_at AS begin, r.end_at AS "end"
     FROM unnest($2::text[], $3::timestamptz[], $4::timestamptz[]) AS t (instance_id, begin_at, end_at)
     JOIN instances i ON i.account_no = $1::smallint AND i.instance_id = t.instance_id
     JOIN records r ON r.instance_no = i.instance_no AND r.begin_at = t.begin_at AND r.end_at = t.end_at
     ORDER BY r.seq`,
    [
      accountNo,
      lines.map(({ instanceId }) => instanceId),
      stamps(lines.map(({ begin }) => begin)),
      stamps(lines.map(({ end }) => end)),
    ],
  );
  return rows;
}
