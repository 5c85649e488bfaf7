import { payloadHash, type Micros } from "@quarterpast/domain";

/** An event's row with the subject and meter of its instance: all that its payload hash goes over. */
export interface PayloadRow {
  subject: string;
  meter: string;
  time: Micros;
  quantity: string | null;
  value: string | null;
  /** Kept where the row no longer tells it: of a correction, and of what waited in quarantine. */
  payloadHash: string | null;
}

/** The payload hash of an event as it is kept. */
export function storedPayloadHash(row: PayloadRow): string {
  const { subject, meter, time, quantity, value } = row;
  return (
    row.payloadHash ??
    payloadHash({ subject, meter, time, quantity: quantity ?? undefined, value: value ?? undefined })
  );
}
