import type { Micros } from "@quarterpast/domain";

/** One line of transaction details or of a monthly bill. */
export interface BillLine {
  /** Row of the file. */
  line: number;
  /** Month of the bill it stands in, `YYYY-MM`; absent where the file does not say. */
  month?: string;
  serialNumber?: string;
  instanceId?: string;
  product?: string;
  customer?: string;
  orderId?: string;
  begin?: Micros;
  end?: Micros;
  quantity?: string;
  /** Decimal text; negative where money went back. */
  amount: string;
  currency: string;
  refund: boolean;
}
