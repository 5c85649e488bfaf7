import type { Micros } from "@quarterpast/domain";
import type { BillLine } from "@quarterpast/marketplace";
import type { KeptBillLine } from "@quarterpast/store";

/**
 * A line of a bill in the ledger's form. The time of its usage decides the usage's month, in days of the marketplace;
 * the bill's own month is the line's, else the one given for the import, else that of the usage.
 * @returns undefined if the month is unknown.
 */
export function billToDb(
  line: BillLine,
  monthOtherwise: string | undefined,
  dayOffset: Micros,
): KeptBillLine | undefined {
  const ofUsage = line.begin === undefined ? undefined : monthOf(line.begin + dayOffset);
  const month = line.month ?? monthOtherwise ?? ofUsage;
  if (month === undefined) return undefined;
  return {
    line: line.line,
    month: `${month}-01`,
    usageMonth: `${ofUsage ?? month}-01`,
    begin: line.begin ?? null,
    end: line.end ?? null,
    sn: line.serialNumber ?? null,
    instanceId: line.instanceId ?? null,
    product: line.product ?? null,
    customer: line.customer ?? null,
    orderId: line.orderId ?? null,
    quantity: line.quantity ?? null,
    amount: line.amount,
    currency: line.currency,
    refund: line.refund,
  };
}

const monthOf = (at: Micros) => new Date(at / 1_000).toISOString().slice(0, 7);
