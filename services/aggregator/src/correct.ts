import {
  addDecimals,
  correctionDelta,
  eventKey,
  hourOf,
  scaleOf,
  type HourAddition,
  type Micros,
} from "@quarterpast/domain";
import { faultPoint } from "@quarterpast/runtime";
import {
  addUsage,
  applyCorrections,
  changeReason,
  findCorrected,
  findCorrections,
  findTargets,
  inTransaction,
  lockOpenHours,
  type AppliedCorrection,
  type CorrectionRefusal,
  type CorrectionTarget,
  type WaitingCorrection,
} from "@quarterpast/store";
import { billHourOf } from "./bind.js";
import type { CountDeps } from "./count.js";

const AT_ONCE = 1_000;
const START = { sourceNo: 0, key: "00000000-0000-0000-0000-000000000000" };

type CorrectDeps = Pick<CountDeps, "pool" | "now">;

export interface Corrector {
  /** Counts corrections whose event is counted by now. @returns how many; call again until it is 0. */
  run(): Promise<number>;
}

/**
 * Counts correcting events: the difference to what the mistaken event counts for goes to that event's hour while it
 * is open, else to the first open hour. Corrections whose event has not come yet wait; each pass continues where the
 * last one ended.
 */
export function createCorrector(deps: CorrectDeps): Corrector {
  let after = START;
  return {
    run: async () => {
      const waiting = await findCorrections(deps.pool, after, AT_ONCE);
      after = waiting.length < AT_ONCE ? START : waiting.at(-1)!;
      return waiting.length === 0 ? 0 : correct(deps, waiting);
    },
  };
}

type Judged = {
  correction: WaitingCorrection;
  targetKey: string;
  target: CorrectionTarget;
  shard: number;
} & ({ delta: string; right: string } | { reason: CorrectionRefusal });

async function correct({ pool, now }: CorrectDeps, waiting: readonly WaitingCorrection[]): Promise<number> {
  await faultPoint("aggregator.beforeCorrections");
  return inTransaction(pool, async (db) => {
    const wanted = waiting.map((correction) => ({
      sourceNo: correction.sourceNo,
      key: targetKeyOf(correction),
    }));
    const targets = new Map((await findTargets(db, wanted)).map((target) => [keyText(target), target]));
    const corrected = await findCorrected(db, wanted);
    const judged = waiting.flatMap((correction, at): Judged[] => {
      const target = targets.get(keyText(wanted[at]!));
      return target ? [judge(correction, target, corrected)] : [];
    });
    const refused = judged.flatMap((one) =>
      "reason" in one ? [{ ...one.correction, reason: one.reason }] : [],
    );
    if (refused.length > 0) await changeReason(db, refused);
    const openHours = await lockOpenHours(
      db,
      judged.map(({ shard }) => shard),
    );
    const rows = firstOfEachTarget(judged.flatMap((one) => ("delta" in one ? [toRow(one, openHours)] : [])));
    const applied = await applyCorrections(db, rows, now());
    const counted = rows.filter((row) => applied.has(keyText(row)));
    await addUsage(db, { additions: addingUp(counted, targets), maxima: [], uniques: [] });
    await faultPoint("aggregator.beforeCorrectionsCommit");
    return counted.length;
  });
}

const keyText = ({ sourceNo, key }: { sourceNo: number; key: string }) => `${sourceNo} ${key}`;
const targetKeyOf = ({ attributes }: WaitingCorrection) =>
  eventKey(String(attributes["corrects"] ?? attributes["cancels"]));

function judge(
  correction: WaitingCorrection,
  target: CorrectionTarget,
  corrected: ReadonlySet<string>,
): Judged {
  const base = { correction, target, targetKey: target.key, shard: target.shard };
  if (corrected.has(keyText(target))) return { ...base, reason: "corrected_already" };
  const { account = target.account } = correction.attributes;
  const isOfIt = correction.subject === target.subject && correction.meter === target.meter;
  if (!isOfIt || account !== target.account) return { ...base, reason: "correction_mismatch" };
  const right = correction.quantity ?? "0";
  if (scaleOf(right) > target.scale) return { ...base, reason: "scale_exceeded" };
  const kind = correction.attributes["corrects"] === undefined ? "cancels" : "corrects";
  const made = correctionDelta(target.aggregation, kind, target.current, right);
  return "delta" in made
    ? { ...base, delta: made.delta, right }
    : { ...base, reason: "correction_impossible" };
}

function toRow(
  { correction, target, delta, right }: Extract<Judged, { delta: string }>,
  openHours: ReadonlyMap<number, Micros>,
): AppliedCorrection {
  const { sourceNo, key } = correction;
  const { key: targetKey, instanceNo, occurred, shard } = target;
  return {
    sourceNo,
    key,
    targetKey,
    instanceNo,
    occurred,
    delta,
    quantity: right,
    billHour: billHourOf(occurred, shard, openHours),
  };
}

/** Of several corrections of one event the first is counted; the next pass finds that the others are too late. */
function firstOfEachTarget(rows: readonly AppliedCorrection[]): AppliedCorrection[] {
  const seen = new Set<string>();
  return rows.filter(({ sourceNo, targetKey }) => {
    const target = keyText({ sourceNo, key: targetKey });
    return !seen.has(target) && seen.add(target);
  });
}

/** One addition per hour and instance, because one statement cannot touch a row twice. */
function addingUp(rows: readonly AppliedCorrection[], targets: ReadonlyMap<string, CorrectionTarget>) {
  const sums = new Map<string, HourAddition>();
  for (const { sourceNo, targetKey, instanceNo, occurred, billHour, delta } of rows) {
    const { shard } = targets.get(keyText({ sourceNo, key: targetKey }))!;
    const originHour = hourOf(occurred);
    const place = `${instanceNo} ${billHour} ${originHour}`;
    const sum = sums.get(place) ?? { shard, billHour, instanceNo, originHour, quantity: "0", events: 0 };
    sums.set(place, { ...sum, quantity: addDecimals(sum.quantity, delta), events: sum.events + 1 });
  }
  return [...sums.values()];
}
