import { formatUnits, HOUR, toUnits, trimDecimal, type Micros, type PackageShare } from "@quarterpast/domain";
import { stamp, stamps, type Db } from "../db/database.js";
import { PACKAGE_COLUMNS, PACKAGE_TABLES, packagePeriod, type Package } from "./packages.js";

/** More decimals than any quantity has (quantity.ts of domain). */
const SCALE = 12;
const units = (quantity: string) => toUnits(quantity, SCALE);
const text = (value: bigint) => trimDecimal(formatUnits(value, SCALE));

/** Packages in the order of use: by their own order, then the one that expires first. */
export function inDeductionOrder(packages: readonly Package[]): Package[] {
  return [...packages].sort(
    (a, b) =>
      a.deductionOrder - b.deductionOrder ||
      (a.expires ?? Number.MAX_SAFE_INTEGER) - (b.expires ?? Number.MAX_SAFE_INTEGER) ||
      a.packageNo - b.packageNo,
  );
}

/** Usage of each package in each of its periods: decimal text by `<package> <begin of period>`. */
export type PackageUse = Map<string, string>;
export const useKey = (packageNo: number, period: Micros) => `${packageNo} ${period}`;

/** What one hour takes from a package. */
export interface Deduction {
  package: Package;
  period: Micros;
  quantity: string;
}

/**
 * Takes a quantity from packages of one subject and meter, as far as they last, and adds it to `use`.
 * @returns what each covers, in order; the sum lacks what none covers.
 */
export function deduct(
  packages: readonly Package[],
  use: PackageUse,
  hour: Micros,
  quantity: string,
): Deduction[] {
  let left = units(quantity);
  const deductions: Deduction[] = [];
  for (const one of inDeductionOrder(packages)) {
    if (left <= 0n) break;
    if (!isUsable(one, hour)) continue;
    const period = packagePeriod(one, hour);
    const used = units(use.get(useKey(one.packageNo, period)) ?? "0");
    const room = units(trimDecimal(one.quota)) - used;
    const taken = room < left ? room : left;
    if (taken <= 0n) continue;
    left -= taken;
    use.set(useKey(one.packageNo, period), text(used + taken));
    deductions.push({ package: one, period, quantity: text(taken) });
  }
  return deductions;
}

function isUsable(one: Package, hour: Micros): boolean {
  const end = Math.min(one.expires ?? Infinity, one.deactivatedAt ?? Infinity);
  return one.starts < hour + HOUR && end > hour;
}

/** What records took from packages. */
export async function readPackageUse(db: Db, packageNos: readonly number[]): Promise<PackageUse> {
  const { rows } = await db.query<{ packageNo: number; period: Micros; used: string }>(
    `SELECT package_no AS "packageNo", period, trim_scale(sum(quantity))::text AS used FROM deductions
     WHERE package_no = ANY ($1::bigint[]) GROUP BY package_no, period`,
    [packageNos],
  );
  return new Map(rows.map(({ packageNo, period, used }) => [useKey(packageNo, period), used]));
}

/** The packages of an hour's instances while its records are made: locked, so that no other hour takes from them. */
export interface HourPackages {
  /** What packages would cover of a quantity that an instance files; takes nothing. */
  sharesOf(instanceNo: number, quantity: string): PackageShare[];
  /** Takes what was filed. */
  take(instanceNo: number, filed: string): void;
  /** Stores everything taken. */
  save(): Promise<void>;
}

/** Opens the packages of instances for one hour, in the caller's transaction. */
export async function openPackages(
  db: Db,
  instanceNos: readonly number[],
  hour: Micros,
): Promise<HourPackages> {
  const { rows } = await db.query<Package & { instanceNo: number }>(
    `SELECT ${PACKAGE_COLUMNS}, i.instance_no AS "instanceNo" FROM ${PACKAGE_TABLES}
     JOIN instances i ON i.account_no = p.account_no AND i.subject = p.subject AND i.meter_no = p.meter_no
     WHERE i.instance_no = ANY ($1::integer[]) AND p.starts < $2::timestamptz + interval '1 hour'
     ORDER BY p.package_no FOR UPDATE OF p`,
    [instanceNos, stamp(hour)],
  );
  const packagesOf = new Map<number, Package[]>();
  for (const row of rows) packagesOf.set(row.instanceNo, [...(packagesOf.get(row.instanceNo) ?? []), row]);
  const use: PackageUse = rows.length === 0 ? new Map() : await readPackageUse(db, packageNumbers(rows));
  const taken: (Deduction & { instanceNo: number })[] = [];
  return {
    sharesOf: (instanceNo, quantity) =>
      deduct(packagesOf.get(instanceNo) ?? [], new Map(use), hour, quantity).map((one) => ({
        packageInstance: one.package.stops ? one.package.instanceId : undefined,
        quantity: one.quantity,
      })),
    take(instanceNo, filed) {
      const packages = packagesOf.get(instanceNo) ?? [];
      taken.push(...deduct(packages, use, hour, filed).map((one) => ({ ...one, instanceNo })));
    },
    save: () => insertDeductions(db, hour, taken),
  };
}

const packageNumbers = (packages: readonly Package[]) => [...new Set(packages.map((one) => one.packageNo))];

async function insertDeductions(
  db: Db,
  hour: Micros,
  deductions: readonly (Deduction & { instanceNo: number })[],
): Promise<void> {
  if (deductions.length === 0) return;
  await db.query(
    `INSERT INTO deductions (package_no, instance_no, hour, period, quantity)
     SELECT t.package_no, t.instance_no, $1::timestamptz, t.period, t.quantity
     FROM unnest($2::bigint[], $3::integer[], $4::timestamptz[], $5::numeric[])
       AS t (package_no, instance_no, period, quantity) ON CONFLICT DO NOTHING`,
    [
      stamp(hour),
      deductions.map((one) => one.package.packageNo),
      deductions.map((one) => one.instanceNo),
      stamps(deductions.map((one) => one.period)),
      deductions.map((one) => one.quantity),
    ],
  );
}

/** Takes from packages again what the records of a restored hour took; an hour that the backup knew is unchanged. */
export async function restoreDeductions(db: Db, accountNo: number, hour: Micros): Promise<void> {
  const { rows } = await db.query<{ instanceNo: number; filed: string }>(
    `SELECT instance_no AS "instanceNo", trim_scale(sum(quantity))::text AS filed FROM records r
     WHERE account_no = $1::smallint AND hour = $2::timestamptz AND kind <> 'rereport'
       AND NOT EXISTS (SELECT 1 FROM deductions d WHERE d.instance_no = r.instance_no AND d.hour = r.hour)
     GROUP BY instance_no ORDER BY instance_no`,
    [accountNo, stamp(hour)],
  );
  const numbers = rows.map((row) => row.instanceNo);
  const packages = await openPackages(db, numbers, hour);
  for (const { instanceNo, filed } of rows) packages.take(instanceNo, filed);
  await packages.save();
}

/** Usage of an instance that is in no record yet: decimal text by the hour that will bill it. */
export interface UnfiledUsage {
  instanceId: string;
  /** Carried out of its last hour with records; below 0 if it is a credit. */
  residue: string;
  hours: { hour: Micros; quantity: string }[];
}

/**
 * Usage of instances that is in no record yet, using only primary keys.
 * @param until product time: the current hour is the last one read.
 */
export async function readUnfiledUsage(
  db: Db,
  accountNo: number,
  instanceIds: readonly string[],
  until: Micros,
): Promise<UnfiledUsage[]> {
  const { rows } = await db.query<UnfiledUsage>(
    `SELECT i.instance_id AS "instanceId", COALESCE(r.residue, 0)::text AS residue, COALESCE(o.hours, '[]') AS hours
     FROM instances i
     JOIN shards s USING (shard)
     LEFT JOIN LATERAL (
       SELECT CASE WHEN COALESCE(a.frozen_through, 0) < i.instance_no THEN h.hour ELSE h.hour + interval '1 hour' END AS begin
       FROM hours h LEFT JOIN account_hours a ON a.account_no = $1::smallint AND a.shard = h.shard AND a.hour = h.hour
       WHERE h.shard = i.shard AND h.frozen_at IS NULL
         -- Not divided yet, or the account's part of it has no records yet.
         AND (h.divided_at IS NULL OR (a.hour IS NOT NULL AND a.frozen_at IS NULL)) ORDER BY h.hour LIMIT 1
     ) f ON true
     LEFT JOIN LATERAL (
       SELECT residue FROM residues r WHERE r.instance_no = i.instance_no ORDER BY hour DESC LIMIT 1
     ) r ON true
     LEFT JOIN LATERAL (
       SELECT jsonb_agg(jsonb_build_object('hour', h.micros, 'quantity', h.quantity::text) ORDER BY h.micros) AS hours
       FROM (
         SELECT (extract(epoch FROM g) * 1000000)::bigint AS micros, sum(u.quantity) AS quantity
         FROM generate_series(COALESCE(f.begin, s.sealed_before), $3::timestamptz, '1 hour') AS g
         JOIN hour_usage u ON u.shard = i.shard AND u.bill_hour = g AND u.instance_no = i.instance_no
         GROUP BY g
       ) h
     ) o ON true
     WHERE i.account_no = $1::smallint AND i.instance_id = ANY ($2::text[])`,
    [accountNo, instanceIds, stamp(until)],
  );
  return rows;
}
