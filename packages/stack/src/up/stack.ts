import { rmSync } from "node:fs";
import type { Logger } from "@quarterpast/runtime";
import { checkPorts } from "./checkPorts.js";
import { startContext, type StartContext, type StartRequest } from "./context.js";
import { openDataDir } from "./dataDir.js";
import { ensureLedger, openDatabase } from "./database.js";
import { localUrl, type Places } from "./layout.js";
import { holdProductTime, type ClockLine, type ProductTime } from "./productTime.js";
import { startingText, type StackFacts } from "./ready.js";
import { ensureOperatorKey, keepSecrets, type Secrets } from "./secrets.js";
import { openPostgres, openRedis } from "./servers.js";
import { openServices } from "./services.js";

/** A stack whose services are ready while product time is stopped. */
export interface HeldStack {
  facts: StackFacts;
  places: Places;
  time: ProductTime;
  logger: Logger;
  /** Starts product time. */
  run(): Promise<ClockLine>;
  /** Stops everything, the services before what they need. */
  stop(): Promise<void>;
}

/**
 * Starts Postgres, Redis and all services on a data directory.
 * @throws StackError after stopping what was started by then.
 */
export async function startStack(request: StartRequest): Promise<HeldStack> {
  const context = startContext(request);
  try {
    return await start(context);
  } catch (error) {
    await context.undo
      .run()
      .catch((failed: unknown) => context.logger().error({ err: failed }, "not all was stopped"));
    throw error;
  }
}

async function start(context: StartContext): Promise<HeldStack> {
  const { options, places, ports, undo, tell } = context;
  undo.add(await openDataDir(places, () => tell(WAITING)));
  // A killed start's file would lead other commands to servers that have ended.
  rmSync(places.stack, { force: true });
  await checkPorts(portsToCheck(context), options.portBase);
  tell(startingText(places));
  const servers = await openServers(context);
  const { time, secrets } = await openLedger(context, servers.databaseUrl);
  const { hasSandbox } = options;
  const wiring = {
    ...servers,
    hasSandbox,
    marketplaceUrl: options.marketplaceUrl ?? localUrl(ports.sandbox),
    marketplaceKey: options.marketplaceKey ?? secrets.sandboxKey,
  };
  const sandboxClock = await openServices(context, wiring, time);
  const facts: StackFacts = {
    collector: localUrl(ports.collector),
    api: localUrl(ports.api),
    storefront: localUrl(ports.storefront),
    sandbox: hasSandbox ? localUrl(ports.sandbox) : null,
    database: servers.databaseUrl,
    redis: servers.redisUrl,
    apiKey: secrets.apiKey,
  };
  return {
    ...{ facts, places, time, logger: context.logger() },
    async run() {
      const line = await time.run();
      await sandboxClock?.run(line);
      return line;
    },
    stop: () => undo.run(),
  };
}

const WAITING = {
  en: "an earlier start was killed; waiting for its services to end",
  zh: "上次运行被强行终止，正在等待其服务退出",
};

/** The ports of Postgres and Redis are checked when they start, after ending servers left by a killed start. */
function portsToCheck({ ports, options }: StartContext): Record<string, number> {
  const { collector, api, storefront, sandbox, aggregator, reporter } = ports;
  const services = { collector, api, storefront, aggregator, reporter };
  return options.hasSandbox ? { ...services, sandbox } : services;
}

async function openServers(context: StartContext): Promise<{ databaseUrl: string; redisUrl: string }> {
  const { signal, tell, undo } = context;
  const postgres = await openPostgres(context);
  undo.add(async () => postgres.part?.stop());
  signal.throwIfAborted();
  tell(serverLine("Postgres", postgres.url));
  const redis = await openRedis(context);
  undo.add(async () => redis.part?.stop());
  signal.throwIfAborted();
  tell(serverLine("Redis", redis.url));
  return { databaseUrl: postgres.url, redisUrl: redis.url };
}

function serverLine(name: string, url: string) {
  const line = `  ✓ ${name.padEnd(11)} ${new URL(url).host}`;
  return { en: line, zh: line };
}

async function openLedger(
  context: StartContext,
  databaseUrl: string,
): Promise<{ time: ProductTime; secrets: Secrets }> {
  const { options, settings, places, undo } = context;
  const logger = context.logger();
  const pool = await openDatabase(databaseUrl, logger);
  undo.add(() => pool.end());
  const wish = { start: options.clockStart, rate: options.clockRate, sample: options.sample };
  const time = await holdProductTime(pool, wish, logger);
  undo.add(() => time.stop());
  await ensureLedger(pool, settings, time.start);
  const file = places.secrets;
  const secrets = await ensureOperatorKey(pool, {
    file,
    secrets: keepSecrets(file),
    now: time.start,
  });
  return { time, secrets };
}
