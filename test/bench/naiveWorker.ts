import { Worker } from "bullmq";
import { Redis } from "ioredis";
import pg from "pg";

interface NaiveEvent {
  id: string;
  source: string;
  type: string;
  subject: string;
  time: string;
  data: { quantity: string };
}

/** The naive pipeline's worker: one transaction per job, with the dedupe insert and the hourly upsert. */
const concurrency = Number(process.env["CONCURRENCY"]);
const pool = new pg.Pool({ connectionString: process.env["DATABASE_URL"], max: concurrency });
const connection = new Redis(process.env["REDIS_URL"]!, { maxRetriesPerRequest: null });

async function count({ id, source, type, subject, time, data }: NaiveEvent): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    const { rowCount } = await client.query(
      `INSERT INTO naive_events (source, id, meter, subject, time, quantity) VALUES ($1, $2, $3, $4, $5, $6)
       ON CONFLICT (source, id) DO NOTHING`,
      [source, id, type, subject, time, data.quantity],
    );
    if (rowCount === 1) {
      await client.query(
        `INSERT INTO naive_hours AS h (subject, meter, hour, quantity, events)
         VALUES ($1, $2, date_trunc('hour', $3::timestamptz), $4, 1)
         ON CONFLICT (subject, meter, hour) DO UPDATE SET quantity = h.quantity + excluded.quantity, events = h.events + 1`,
        [subject, type, time, data.quantity],
      );
    }
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK").catch(() => {});
    throw error;
  } finally {
    client.release();
  }
}

const worker = new Worker<NaiveEvent>("usage", (job) => count(job.data), {
  connection,
  concurrency,
  prefix: process.env["QUEUE_PREFIX"]!,
});
await worker.waitUntilReady();
process.send!({ ready: true });
process.on("SIGTERM", () => process.exit(0));
