import { encodeText, formatInstant, formatLine, type Micros } from "@quarterpast/domain";
import { stamp, type Db } from "../db/database.js";
import { readAll } from "../db/cursor.js";
import type { HourScope } from "./scope.js";

interface InstanceRow {
  instanceId: string;
  product: string;
  meter: string;
  aggregation: string;
  unit: string;
  scale: number;
  cycle: string;
  subject: string;
  opened: Micros;
}

interface CorrectionRow {
  instance: string;
  source: string;
  key: string;
  target: string;
  quantity: string;
  delta: string;
  saidAt: Micros;
  appliedAt: Micros;
}

/**
 * What an hour's export contains only for a restore: its instances, the residues they carried out, its corrections,
 * and how it was sealed.
 */
export async function* readRestoreLines(db: Db, scope: HourScope): AsyncGenerator<string[]> {
  const parameters = [scope.accountNo, stamp(scope.hour)];
  for await (const rows of readAll<InstanceRow>(db, "hour_instances", INSTANCES, parameters)) {
    yield rows.map((row) =>
      formatLine("instance", {
        aggregation: row.aggregation,
        cycle: row.cycle,
        instance: row.instanceId,
        meter: row.meter,
        opened: formatInstant(row.opened),
        product: row.product,
        scale: String(row.scale),
        subject: encodeText(row.subject),
        unit: row.unit,
      }),
    );
  }
  type Residue = { instance: string; residue: string };
  for await (const rows of readAll<Residue>(db, "hour_residues", RESIDUES, parameters)) {
    yield rows.map((row) => formatLine("residue", { ...row }));
  }
  for await (const rows of readAll<CorrectionRow>(db, "hour_corrections", CORRECTIONS, parameters)) {
    yield rows.map((row) =>
      formatLine("correction", {
        applied_at: formatInstant(row.appliedAt),
        delta: row.delta,
        instance: row.instance,
        key: row.key,
        quantity: row.quantity,
        said_at: formatInstant(row.saidAt),
        source: encodeText(row.source),
        target: row.target,
      }),
    );
  }
  const { rows } = await db.query<{
    shard: number;
    status: string;
    reason: string;
    sealedAt: Micros;
    frozenAt: Micros;
  }>(
    `SELECT shard, status, reason, sealed_at AS "sealedAt", frozen_at AS "frozenAt" FROM hours
     WHERE hour = $1::timestamptz ORDER BY shard`,
    [stamp(scope.hour)],
  );
  yield rows.map((row) =>
    formatLine("shard", {
      frozen_at: formatInstant(row.frozenAt),
      reason: encodeText(row.reason),
      sealed_at: formatInstant(row.sealedAt),
      shard: String(row.shard),
      status: row.status,
    }),
  );
}

const INSTANCES = `
  SELECT i.instance_id AS "instanceId", i.product, m.code AS meter, m.aggregation, m.unit, m.scale, i.cycle, i.subject,
    i.opened
  FROM instances i JOIN meters m USING (meter_no)
  WHERE i.account_no = $1::smallint
    AND i.instance_no IN (
      SELECT instance_no FROM hour_usage WHERE shard >= 0 AND bill_hour = $2::timestamptz
      UNION ALL SELECT instance_no FROM records WHERE account_no = $1::smallint AND hour = $2::timestamptz)
  ORDER BY i.instance_id COLLATE "C"`;

const CORRECTIONS = `
  SELECT i.instance_id AS instance, s.source, x.key, x.target_key AS target, trim_scale(x.quantity)::text AS quantity,
    trim_scale(x.delta)::text AS delta, x.said_at AS "saidAt", x.applied_at AS "appliedAt"
  FROM corrections x JOIN instances i USING (instance_no) JOIN sources s USING (source_no)
  WHERE i.account_no = $1::smallint AND x.bill_hour = $2::timestamptz
  ORDER BY i.instance_id COLLATE "C", s.source COLLATE "C", x.key`;

const RESIDUES = `
  SELECT i.instance_id AS instance, trim_scale(r.residue)::text AS residue
  FROM residues r JOIN instances i USING (instance_no)
  WHERE i.account_no = $1::smallint AND r.hour = $2::timestamptz ORDER BY i.instance_id COLLATE "C"`;
