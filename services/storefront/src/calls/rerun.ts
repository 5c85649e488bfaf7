import type { StorefrontWire } from "@quarterpast/marketplace";
import type { Clock } from "@quarterpast/runtime";
import { findCall, findReruns, settleRerun, type Pool } from "@quarterpast/store";
import type { CallKeeper } from "./keep.js";

/** What rerunning calls uses. */
export interface RerunDeps {
  pool: Pool;
  clock: Pick<Clock, "now" | "real">;
  accountNo: number;
  wire: Pick<StorefrontWire, "rerun">;
  keeper: Pick<CallKeeper, "keep">;
}

const AT_ONCE = 10;

/**
 * Runs calls again at a person's request, as if the marketplace had repeated them, without checking signature and
 * time.
 */
export async function rerunDue({ pool, clock, accountNo, wire, keeper }: RerunDeps): Promise<boolean> {
  const due = await findReruns(pool, accountNo, AT_ONCE);
  for (const { rerunId, callId } of due) {
    const first = (await findCall(pool, accountNo, callId))!;
    const received = clock.real();
    const call = await wire.rerun(first);
    const durationMs = Math.round((clock.real() - received) / 1_000);
    if (call.authentic) await keeper.keep({ ...call, received, durationMs, rerunOf: callId });
    await settleRerun(pool, rerunId, call.code, clock.now());
  }
  return due.length === AT_ONCE;
}
