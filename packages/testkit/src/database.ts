import { randomBytes } from "node:crypto";
import pg from "pg";

/** A database for one test. */
export interface TestDatabase {
  url: string;
  name: string;
  /** Drops it; keeps a failed test's, and prints its name. */
  end(failed?: boolean): Promise<void>;
}

/** How a test's database gets its tables. */
export interface TestDatabaseOptions {
  /** Creates the tables in the empty database; leaves no connection open. Done once per test run, then copied. */
  migrate?: (url: string) => Promise<void>;
  /** Distinguishes several `migrate` functions in one run. */
  template?: string;
}

/** Templates of one test run have this prefix; see `dropTemplates`. */
const templatePrefix = () => `qp_template_${process.env.QUARTERPAST_TEST_RUN ?? process.pid}_`;

function withDatabase(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.href;
}

async function asAdmin<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  // Errors are reported by the query or end that is awaited; without a listener they would end the process.
  client.on("error", () => {});
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Creates a new database on the server of `adminUrl`, whose user may create databases. */
export async function createTestDatabase(
  adminUrl: string,
  options: TestDatabaseOptions = {},
): Promise<TestDatabase> {
  const name = `qp_test_${randomBytes(6).toString("hex")}`;
  await asAdmin(adminUrl, async (client) => {
    const template =
      options.migrate && (await ensureTemplate(client, adminUrl, options.migrate, options.template));
    await client.query(`CREATE DATABASE ${name} ${template ? `TEMPLATE ${template}` : ""}`);
  });
  const url = withDatabase(adminUrl, name);
  return {
    url,
    name,
    async end(failed = false) {
      if (failed) {
        process.stderr.write(`kept the database of a failed test: ${name}\n`);
        return;
      }
      await asAdmin(adminUrl, (client) => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
    },
  };
}

/** Any number not taken by other users of advisory locks on the test server. */
const TEMPLATE_LOCK = 7_150_015;

/** Test workers are processes: one creates the template, the others wait for it. */
async function ensureTemplate(
  client: pg.Client,
  adminUrl: string,
  migrate: (url: string) => Promise<void>,
  key = "default",
): Promise<string> {
  const template = `${templatePrefix()}${key.replace(/\W/g, "_").toLowerCase()}`;
  await client.query("SELECT pg_advisory_lock($1)", [TEMPLATE_LOCK]);
  try {
    const { rowCount } = await client.query("SELECT FROM pg_database WHERE datname = $1", [template]);
    if (rowCount === 1) return template;
    const half = `${template}_half`;
    await client.query(`DROP DATABASE IF EXISTS ${half} WITH (FORCE)`);
    await client.query(`CREATE DATABASE ${half}`);
    await migrate(withDatabase(adminUrl, half));
    await client.query(`ALTER DATABASE ${half} RENAME TO ${template}`);
    return template;
  } finally {
    await client.query("SELECT pg_advisory_unlock($1)", [TEMPLATE_LOCK]);
  }
}

/** Drops the templates of this run; for servers that outlive it. */
export async function dropTemplates(adminUrl: string): Promise<void> {
  await asAdmin(adminUrl, async (client) => {
    const { rows } = await client.query<{ datname: string }>(
      "SELECT datname FROM pg_database WHERE starts_with(datname, $1)",
      [templatePrefix()],
    );
    for (const { datname } of rows) await client.query(`DROP DATABASE IF EXISTS ${datname} WITH (FORCE)`);
  });
}
