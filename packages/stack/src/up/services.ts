import { join } from "node:path";
import { marketplaceOf } from "@quarterpast/marketplace";
import type { StartContext } from "./context.js";
import { startDialTests } from "./dialTests.js";
import { waitUntilReady } from "./health.js";
import { localUrl } from "./layout.js";
import { noteProcesses } from "./leftovers.js";
import { createSandboxClock, type SandboxClock } from "./sandboxClock.js";
import { servicePart } from "./service.js";
import { environmentOf, sandboxed, type ServiceName, type Wiring } from "./serviceSettings.js";
import { supervise, type Supervised } from "./supervisor.js";
import type { ProductTime } from "./productTime.js";

/** In the order of stopping: first nothing new comes in, then what came in is counted, then filed. */
const STOP_ORDER = ["collector", "api", "storefront", "aggregator", "reporter"] as const;

/**
 * Starts all services concurrently and waits until they are ready.
 * @returns the sandbox's clock, if there is a sandbox and product time is not real time.
 * @throws StackError as `waitUntilReady` does.
 */
export async function openServices(
  context: StartContext,
  wiring: Wiring,
  time: ProductTime,
): Promise<SandboxClock | undefined> {
  const { ports, undo, signal, tell } = context;
  const running = new Map<ServiceName, Supervised>();
  const note = () => {
    const pids = [...running.values()].map((part) => part.pid()).filter((pid) => pid !== undefined);
    noteProcesses(context.places.processes, pids);
  };
  const isSimulated = wiring.hasSandbox && time.plan.kind === "simulated";
  const sandboxClock = isSimulated
    ? createSandboxClock(localUrl(ports.sandbox), context.logger(), signal)
    : undefined;

  async function open(name: ServiceName): Promise<void> {
    const logFile = join(context.places.logs, `${name}.log`);
    const part = await supervise(servicePart({ name, logFile, env: environmentOf(name, context, wiring) }), {
      tell,
      onChanged: note,
      onRestarted: () => name === "sandbox" && sandboxClock?.repeat(),
    });
    running.set(name, part);
    context.onPart(part);
    note();
  }

  undo.add(async () => {
    await running.get("sandbox")?.stop();
    noteProcesses(context.places.processes, []);
  });
  if (sandboxClock) undo.add(() => sandboxClock.hold(time.clock.now()).catch(() => undefined));
  undo.add(async () => {
    for (const name of STOP_ORDER) await running.get(name)?.stop();
  });
  const names: ServiceName[] = wiring.hasSandbox ? ["sandbox", ...STOP_ORDER] : [...STOP_ORDER];
  for (const name of names) await open(name);
  await waitUntilReady(
    names.map((name) => ({ part: running.get(name)!, url: localUrl(ports[name]) })),
    { signal, onReady: (name) => tell(readyLine(name, localUrl(ports[name as ServiceName]))) },
  );
  await sandboxClock?.hold(time.start);
  const { selfTest } = marketplaceOf(sandboxed(context).marketplace);
  if (wiring.hasSandbox && selfTest) {
    const tests = { sandboxUrl: localUrl(ports.sandbox), selfTest, key: wiring.marketplaceKey };
    undo.add(startDialTests(tests, context.logger()));
  }
  return sandboxClock;
}

function readyLine(name: string, url: string) {
  const line = `  ✓ ${name.padEnd(11)} ${url}`;
  return { en: line, zh: line };
}
