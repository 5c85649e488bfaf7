import { randomUUID } from "node:crypto";
import { HOUR, parseInstant, type Aggregation, type Micros, type UsageEvent } from "@quarterpast/domain";
import type { UsageBatch } from "@quarterpast/queue";
import {
  addInstance,
  createPool,
  ensureAccount,
  ensureMeter,
  ensureShards,
  migrate,
  type Account,
  type Pool,
} from "@quarterpast/store";
import { createTestDatabase } from "./database.js";
import { testServers } from "./testServers.js";

/** A time in tests, as ISO text. */
export function at(text: string): Micros {
  const instant = parseInstant(text);
  if (instant === undefined) throw new Error(`${text} is not a time`);
  return instant;
}

/** The hour in which most tests take place. */
export const H: Micros = at("2026-03-01T10:00:00Z");

/** A migrated database for one test with an account, and shards whose first open hour is `H`. */
export interface Ledger {
  url: string;
  pool: Pool;
  account: Account;
  meter(code: string, aggregation: Aggregation, scale?: number): Promise<void>;
  instance(
    id: string,
    meter: string,
    subject: string,
    life?: { opened?: Micros; closed?: Micros },
  ): Promise<void>;
  /** Rows of any query, as plain objects. */
  rows<T = Record<string, unknown>>(sql: string, parameters?: unknown[]): Promise<T[]>;
  end(failed?: boolean): Promise<void>;
}

export async function openLedger(firstHour: Micros = H): Promise<Ledger> {
  const database = await createTestDatabase(testServers().databaseUrl, {
    template: "ledger",
    migrate: async (url) => void (await migrate(url)),
  });
  const pool = createPool({ databaseUrl: database.url, applicationName: "test", max: 16, onError: () => {} });
  const account = await ensureAccount(
    pool,
    { code: "koogallery-cn", marketplace: "koogallery", site: "cn", dayOffset: 8 * HOUR },
    firstHour,
  );
  await ensureShards(pool, firstHour);
  return {
    ...ledgerOf(pool, account, firstHour),
    url: database.url,
    end: async (failed) => {
      await pool.end();
      await database.end(failed);
    },
  };
}

/** The same database as another account of the seller has it; ending it is left to the first. */
export async function secondAccount(
  ledger: Ledger,
  code = "koogallery-intl",
  of = { marketplace: "koogallery", site: "intl" },
): Promise<Ledger> {
  const account = await ensureAccount(ledger.pool, { code, ...of, dayOffset: 0 }, H);
  return { ...ledgerOf(ledger.pool, account, H), url: ledger.url, end: async () => {} };
}

function ledgerOf(pool: Pool, account: Account, firstHour: Micros): Omit<Ledger, "url" | "end"> {
  const { accountNo } = account;
  return {
    pool,
    account,
    meter: async (code, aggregation, scale = 6) =>
      void (await ensureMeter(pool, { code, aggregation, unit: "unit", scale }, firstHour)),
    instance: async (instanceId, meter, subject, { opened = firstHour - 24 * HOUR, closed } = {}) => {
      const added = await addInstance(
        pool,
        { accountNo, instanceId, product: "product", meter, subject, opened },
        firstHour,
      );
      if (added.outcome !== "created") throw new Error(`instance ${instanceId}: ${added.outcome}`);
      if (closed !== undefined) {
        await pool.query(
          "UPDATE instances SET closed = to_timestamp($3::float8) WHERE account_no = $1 AND instance_id = $2",
          [accountNo, instanceId, closed / 1e6],
        );
      }
    },
    rows: async <T>(sql: string, parameters: unknown[] = []) =>
      (await pool.query(sql, parameters)).rows as T[],
  };
}

/** A usage event with default values for everything that a test does not care about. */
export function usage(event: Partial<UsageEvent> = {}): UsageEvent {
  return {
    source: "test",
    id: randomUUID(),
    subject: "customer-1",
    meter: "tokens",
    time: H,
    ...event,
  };
}

let lastSeq = 0;

/** A batch as the aggregator gets it. */
export function batchOf(events: UsageEvent[], seq = (lastSeq += 1)): UsageBatch {
  return { collectorNo: 1, seq, received: H, events };
}
