import pg from "pg";
import { formatInstant, hourOf, MINUTE, parseInstant, SECOND, type Micros } from "@quarterpast/domain";

/** Anything that runs SQL: the pool, or a client inside a transaction. */
export type Db = pg.Pool | pg.PoolClient;
export type Pool = pg.Pool;
/** A client inside a transaction. */
export type PoolClient = pg.PoolClient;

const TIMESTAMPTZ = 1184;
const INT8 = 20;

/** timestamptz as Micros, int8 as a safe integer, numeric as decimal text (pg's own default). */
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: "text" | "binary") => {
    if (oid === TIMESTAMPTZ) return readTimestamp;
    if (oid === INT8) return readSafeInteger;
    return pg.types.getTypeParser(oid, format);
  }) as typeof pg.types.getTypeParser,
};

const WHOLE_SECOND_UTC = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+00$/;
const ZERO = 48;
let lastHour: { text: string; at: Micros } = { text: "", at: 0 };

function readTimestamp(text: string): Micros {
  // Most timestamps of a result are whole seconds of the same hour.
  if (text.startsWith(lastHour.text) && lastHour.text !== "" && WHOLE_SECOND_UTC.test(text)) {
    const two = (from: number) => (text.charCodeAt(from) - ZERO) * 10 + text.charCodeAt(from + 1) - ZERO;
    return lastHour.at + two(14) * MINUTE + two(17) * SECOND;
  }
  const at = readAnyTimestamp(text);
  lastHour = { text: text.slice(0, 13), at: hourOf(at) };
  return at;
}

function readAnyTimestamp(text: string): Micros {
  const at = parseInstant(text.replace(/\+00$/, "Z"));
  if (at === undefined) throw new RangeError(`timestamptz ${text}: not a finite UTC time`);
  return at;
}

function readSafeInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`int8 ${text}: beyond 2^53`);
  return value;
}

export interface PoolOptions {
  databaseUrl: string;
  /** Most connections. */
  max?: number;
  applicationName: string;
  onError: (error: Error) => void;
}

/**
 * A pool with sessions in UTC. Limits a statement to 30 s and an idle transaction to 5 s, which would otherwise hold
 * a shard's lock and starve the sealer (failures.md 2.44).
 */
export function createPool({ databaseUrl, max = 8, applicationName, onError }: PoolOptions): Pool {
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    max,
    application_name: applicationName,
    types,
    options:
      "-c timezone=UTC -c datestyle=ISO -c statement_timeout=30000 -c idle_in_transaction_session_timeout=5000",
    connectionTimeoutMillis: 3_000,
    keepAlive: true,
  });
  pool.on("error", onError);
  return pool;
}

/** deadlock_detected: Postgres rolled back one of two transactions, the other continues. */
const DEADLOCK = "40P01";
const RUNS = 5;

/**
 * Runs `work` in one READ COMMITTED transaction. Any error rolls back and is thrown; so is an error on COMMIT, whose
 * outcome is unknown: callers repeat the whole, because their effects are idempotent. A transaction that a deadlock
 * rolled back is repeated here.
 */
export async function inTransaction<T>(pool: Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  for (let run = 1; ; run += 1) {
    try {
      return await transact(pool, async (client) => {
        await client.query("BEGIN");
        return work(client);
      });
    } catch (error) {
      if (run === RUNS || sqlState(error) !== DEADLOCK) throw error;
    }
  }
}

/**
 * {@link inTransaction} for work that begins the transaction itself, together with other statements in one round
 * trip.
 */
export async function transact<T>(pool: Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  // A connection lost between two statements emits an error; without a listener it would end the process.
  const onLost = (error: Error): void => void (broken = error);
  client.on("error", onLost);
  try {
    const result = await work(client);
    await client.query("COMMIT");
    return result;
  } catch (error) {
    await client.query("ROLLBACK").catch((failed: Error) => (broken = failed));
    throw error;
  } finally {
    client.off("error", onLost);
    client.release(broken);
  }
}

/** Instants as parameters: `$1::timestamptz` or `$1::timestamptz[]`. */
export const stamp = formatInstant;
export const stamps = (instants: readonly Micros[]): string[] => instants.map(formatInstant);

/** SQLSTATE of a Postgres error; undefined for any other error. */
export function sqlState(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.code : undefined;
}
