import { formatInstant, HOUR, type Micros } from "@quarterpast/domain";
import { z } from "zod";

/** A bill record in the sandbox's list. */
export interface ListedRecord {
  instanceId: string;
  quantity: string;
  state: "pending" | "normal" | "abnormal" | "billed";
  receivedAt: string;
}

/** What the marketplace says it has, to compare with the sample's own count. */
export interface Statement {
  /** Records whose interval begins in the hour. */
  recordsOf(hour: Micros): Promise<ListedRecord[]>;
  /** Valid usage of all hours by instance, and how many records wait for the marketplace's check. */
  totals(): Promise<{ usage: Map<string, { quantity: string; records: number }>; pending: number }>;
}

const records = z.object({
  records: z.array(
    z.object({
      instance_id: z.string(),
      usage_value: z.string(),
      state: z.enum(["pending", "normal", "abnormal", "billed"]),
      received_at: z.string(),
    }),
  ),
});
const totals = z.object({
  totals: z.array(z.object({ instance_id: z.string(), usage: z.string(), records: z.number() })),
  counts: z.object({ pending: z.number() }),
});

/** Reads the sandbox's own store through its pages. */
export function sandboxStatement(url: string): Statement {
  async function read(path: string): Promise<unknown> {
    const answer = await fetch(url + path, { signal: AbortSignal.timeout(10_000) });
    if (!answer.ok) throw new Error(`the sandbox answers ${answer.status} to ${path}`);
    return answer.json();
  }
  return {
    async recordsOf(hour) {
      const query = new URLSearchParams({
        from: formatInstant(hour),
        to: formatInstant(hour + HOUR),
        limit: "10000",
      });
      const page = records.parse(await read(`/sandbox/sdr?${query}`));
      return page.records.map((row) => ({
        instanceId: row.instance_id,
        quantity: row.usage_value,
        state: row.state,
        receivedAt: row.received_at,
      }));
    },
    async totals() {
      const answer = totals.parse(await read("/sandbox/totals?by=instance"));
      const entries = answer.totals.map(({ instance_id, usage, records: count }) => [
        instance_id,
        { quantity: usage, records: count },
      ]);
      return {
        usage: new Map(entries as [string, { quantity: string; records: number }][]),
        pending: answer.counts.pending,
      };
    },
  };
}
