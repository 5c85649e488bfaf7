import { mkdtemp, rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { z } from "zod";
import { createProductClock } from "./clock.js";
import { createControl, type ClockView } from "./control.js";
import { createFaults } from "./faults/faults.js";
import { faultSchema, type FaultInput } from "./faults/schema.js";
import { createIntake } from "./intake.js";
import { createBook } from "./ledger/book.js";
import { createCallLog, type CallSummary } from "./ledger/calls.js";
import { createEngine, type Engine } from "./ledger/engine.js";
import { openStore } from "./ledger/store.js";
import type { SandboxLogger } from "../port.js";
import { withDefaults, type SandboxOptions } from "./options.js";
import { clockSchema } from "./routes/control.js";
import { createRegistry, instanceSchema, type InstanceInput } from "./rules/instances.js";
import { createServer } from "./server.js";
import { openDialTests } from "./shop/dialTests.js";
import { openOrders } from "./shop/orders.js";
import { createShop } from "./shop/shop.js";
import { rowOf, type SdrRow } from "./views/list.js";
import { totalsOf, type Totals } from "./views/totals.js";

/** What the marketplace holds, read in process. */
export type SandboxStore = {
  /** The raw store's file. */
  path: string;
  records(): SdrRow[];
  totals(by: "instance" | "hour"): Totals;
  /** The latest calls (1,000 at most), newest first. */
  calls(): CallSummary[];
};

export type Sandbox = {
  url: string;
  port: number;
  store: SandboxStore;
  clock(): ClockView;
  setClock(input: z.input<typeof clockSchema>): Promise<ClockView>;
  setInstance(id: string, instance: InstanceInput): Promise<void>;
  /** Replaces the fault rules; an empty list ends all faults. */
  setFaults(rules: FaultInput[]): void;
  /** Checks every pending record now and makes the collections that are due. */
  settle(): Promise<void>;
  close(): Promise<void>;
};

const TICK_MS = 50;

/**
 * Starts a marketplace in this process: KooGallery's usage push with its background check and collection
 * (specification 1 and 2). Rejects if the data folder or the port cannot be used.
 */
export async function createSandbox(given: SandboxOptions): Promise<Sandbox> {
  const options = withDefaults(given);
  const { realNow, logger } = options;
  const dataDir = given.dataDir ?? (await mkdtemp(join(tmpdir(), "quarterpast-sandbox-")));
  const registry = createRegistry(options.instances);
  const productClock = createProductClock(realNow);
  const book = createBook(registry, options.dedupeWindowMs);
  const calls = createCallLog();
  const journal = await openStore(dataDir, { book, calls, registry, clock: productClock });
  const shared = { book, calls, journal, registry, clock: productClock, realNow };
  const engine = createEngine(shared);
  const faults = createFaults(() => productClock.now());
  const control = createControl({ faults, registry, productClock, journal, engine, realNow });
  const intake = createIntake({
    ...shared,
    auth: { key: options.key, skewLimitMs: options.skewLimitMs },
    checks: options.checks,
    validationDelayMs: options.validationDelayMs,
    logger,
  });
  const opened = given.sellerUrl === undefined ? undefined : await openShop(given.sellerUrl);
  const app = createServer({
    options,
    control,
    push: { options, intake, faults },
    views: { book, calls, clock: productClock, site: options.site },
    shop: opened && { ...opened, key: options.key, realNow, site: options.site },
  });
  try {
    await app.listen({ port: options.port, host: options.host });
  } catch (error) {
    await journal.close();
    throw error;
  }
  const stopTicking = startTicking(engine, logger);
  const { port } = app.server.address() as AddressInfo;

  async function openShop(sellerUrl: string) {
    const orders = await openOrders(dataDir);
    const dialTests = await openDialTests(dataDir, productClock, options.site);
    const { key, retries } = options;
    const parts = { orders, control, clock: productClock, sellerUrl, key, realNow, logger, retries };
    return { shop: createShop(parts), dialTests, sellerUrl };
  }

  return {
    url: `http://${options.host.includes(":") ? `[${options.host}]` : options.host}:${port}`,
    port,
    store: {
      path: journal.path,
      records: () => [...book.entries()].map((entry) => rowOf(entry)),
      totals: (by) => totalsOf(book.entries(), by),
      calls: () => calls.recent(Infinity),
    },
    clock: () => control.clock(),
    setClock: (input) => control.setClock(clockSchema.parse(input)),
    setInstance: (id, instance) => control.setInstance(id, instanceSchema.parse(instance)),
    setFaults: (rules) => faults.set(rules.map((rule) => faultSchema.parse(rule))),
    settle: () => engine.tick(true),
    async close() {
      opened?.shop.stop();
      await stopTicking();
      await app.close();
      await journal.close();
      if (given.dataDir === undefined) await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** Wakes the background work; the clocks decide what is due, not the timer. */
function startTicking(engine: Engine, logger: SandboxLogger): () => Promise<void> {
  let running: Promise<void> = Promise.resolve();
  let idle = true;
  const timer = setInterval(() => {
    if (!idle) return;
    idle = false;
    running = engine
      .tick()
      .catch((error: unknown) =>
        logger.error({ err: error }, "the background work failed; it is tried again"),
      )
      .finally(() => (idle = true));
  }, TICK_MS);
  return async () => {
    clearInterval(timer);
    await running;
  };
}
