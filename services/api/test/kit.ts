import { randomBytes } from "node:crypto";
import { createTestDatabase, createTestRedisPrefix, testServers } from "@quarterpast/testkit";
import {
  deadlinesOf,
  HOUR,
  hourOf,
  KEY_ROLES,
  serialNumber,
  type KeyRole,
  type RecordState,
} from "@quarterpast/domain";
import { createLogger, createMetrics, systemClock } from "@quarterpast/runtime";
import { createSandbox } from "@quarterpast/sandbox/koogallery";
import { createKey, createPool, ensureAccount, migrate, setClock } from "@quarterpast/store";
import { probeMarketplace } from "../../reporter/src/probe.js";
import { createApiServer } from "../src/server.js";
import { openMarketplace } from "@quarterpast/testkit/marketplace";

export const clock = systemClock();
export const ACCOUNT = "koogallery-cn";
const SANDBOX_KEY = "testAccessKey-0001";

/** The bearer token of a role in every database of these tests. */
export const tokenOf = (role: KeyRole) =>
  `qp_${role.padEnd(8, "0").slice(0, 8)}_${"0123456789abcdef".repeat(2)}`;

export interface Answer {
  status: number;
  // Answers of many shapes: the assertions say what is in them.
  // oxlint-disable-next-line no-explicit-any
  json: any;
  headers: Headers;
}

/** With a `type`, the body is text and sent unchanged; otherwise it is sent as JSON. */
type Asking = { as?: KeyRole; body?: unknown; type?: string; token?: string | null };

/** An api with its own database, a sandbox as its marketplace, and a key of each role. */
export async function startApi(
  options: {
    marketplaceKey?: string;
    redisUrl?: string;
    /** Codes of further accounts of the seller. */
    more?: readonly string[];
    /** Returns another route to the database, which the test can cut. */
    routeTo?: (url: string) => Promise<string>;
  } = {},
) {
  const servers = testServers();
  const database = await createTestDatabase(servers.databaseUrl, {
    migrate: async (url) => void (await migrate(url)),
  });
  const databaseUrl = (await options.routeTo?.(database.url)) ?? database.url;
  const pool = createPool({ databaseUrl, max: 4, applicationName: "test", onError: () => {} });
  await setClock(pool, { realAnchor: clock.real(), productAnchor: clock.now(), rate: 1 });
  const account = await ensureAccount(
    pool,
    { code: ACCOUNT, marketplace: "koogallery", site: "cn", dayOffset: 28_800_000_000 },
    clock.now(),
  );
  const others = await Promise.all(
    (options.more ?? []).map((code) =>
      ensureAccount(
        pool,
        { code, marketplace: "koogallery", site: "cn", dayOffset: 28_800_000_000 },
        clock.now(),
      ),
    ),
  );
  for (const role of KEY_ROLES) {
    const key = { keyId: tokenOf(role).split("_")[1]!, name: role, role };
    await createKey(pool, { ...key, token: tokenOf(role) }, clock.now());
  }
  const sandbox = await createSandbox({ key: SANDBOX_KEY, validationDelayMs: 0 });
  const logger = createLogger({ service: "api", level: "fatal" });
  const market = openMarketplace({
    key: options.marketplaceKey ?? SANDBOX_KEY,
    baseUrl: sandbox.url,
  });
  const http = await createApiServer({
    pool,
    redisUrl: options.redisUrl ?? servers.redisUrl,
    queuePrefix: createTestRedisPrefix(),
    accounts: [account, ...others].map((one) => ({ account: one, profile: market })),
    addresses: { collector: "http://c", api: "http://a", storefront: "http://s", sandbox: null },
    version: "0.0.0-test",
    clock,
    logger,
    metrics: createMetrics("api"),
    randomHex: (bytes) => randomBytes(bytes).toString("hex"),
  });
  const url = await http.listen({ host: "127.0.0.1", port: 0 });

  async function ask(
    method: string,
    path: string,
    { as = "operator", body, type, token }: Asking = {},
  ): Promise<Answer> {
    const headers: Record<string, string> = {};
    if (token !== null) headers["authorization"] = `Bearer ${token ?? tokenOf(as)}`;
    if (body !== undefined) headers["content-type"] = type ?? "application/json";
    const sent =
      body === undefined ? undefined : type === undefined ? JSON.stringify(body) : (body as string);
    const answer = await fetch(url + path, { method, headers, ...(sent !== undefined && { body: sent }) });
    const text = await answer.text();
    return {
      status: answer.status,
      json: text === "" ? undefined : JSON.parse(text),
      headers: answer.headers,
    };
  }

  return {
    url,
    pool,
    account,
    profile: market,
    /** Probes the marketplace, as the reporter does. */
    probe: () => probeMarketplace({ ...{ pool, clock, logger, account }, client: market }),
    sandbox,
    ask,
    get: (path: string, asking?: Asking) => ask("GET", path, asking),
    post: (path: string, body: unknown, asking?: Asking) => ask("POST", path, { ...asking, body }),
    async end() {
      await http.close();
      await Promise.all([market.close(), sandbox.close()]);
      await pool.end();
      await database.end();
    },
  };
}

export type TestApi = Awaited<ReturnType<typeof startApi>>;

/**
 * A meter, an instance of it and a record of an hour (by default the second to last), in a call of the given state.
 */
export async function addRecord(
  api: TestApi,
  given: { instanceId: string; quantity?: string; state?: RecordState; account?: string; hour?: number },
) {
  const { instanceId, quantity = "1.5000", state = "accepted", account = ACCOUNT } = given;
  const { hour = hourOf(clock.now()) - 2 * HOUR } = given;
  const opened = new Date((hour - HOUR) / 1000).toISOString();
  await api.post("/v1/meters", { code: "tokens", aggregation: "sum" });
  await api.post(`/v1/instances?account=${account}`, {
    instanceId,
    product: "llm",
    meter: "tokens",
    subject: instanceId,
    opened,
  });
  const sn = serialNumber({
    account,
    instance: instanceId,
    begin: hour,
    end: hour + HOUR,
    part: "0",
  });
  const { windowEnds, lateEnds, expires } = deadlinesOf(api.profile.windows, {
    dayOffset: 8 * HOUR,
    cycle: "hourly",
    hour,
    begin: hour,
  });
  const at = (micros: number) => new Date(micros / 1000).toISOString();
  await api.pool.query(
    `INSERT INTO records (account_no, shard, seq, sn, kind, instance_no, hour, begin_at, end_at, part, quantity, events,
       canonical, checksum, prev, wire, wire_version, window_ends, late_ends, expires, frozen_at)
     SELECT account_no, 0, (SELECT count(*) + 1 FROM records), $2, 'usage', instance_no, $3, $3, $4, '0', $5, 3, '{}', 'c', 'p',
       '{}', 1, $6, $7, $8, $4 FROM instances JOIN accounts a USING (account_no) WHERE instance_id = $1 AND a.code = $9`,
    [instanceId, sn, at(hour), at(hour + HOUR), quantity, at(windowEnds), at(lateEnds), at(expires), account],
  );
  await api.pool.query(
    `INSERT INTO submissions (account_no, shard, seq_from, seq_to, state, deadline, expires, attempts, next_at, settled_at, created_at)
     SELECT account_no, shard, seq, seq, $2, window_ends, expires, 1, now(), $3, frozen_at FROM records WHERE sn = $1`,
    [sn, state, at(hour + HOUR)],
  );
  return { sn, hour, begin: at(hour), end: at(hour + HOUR), quantity };
}
