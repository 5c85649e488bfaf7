import { appendFileSync, existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** What a fault point does to the process that passes it. */
export type FaultAction =
  /** SIGKILL to itself. */
  | { kind: "crash" }
  /** SIGSTOP to itself; a watcher of the log must send SIGCONT. */
  | { kind: "stop" }
  | { kind: "delay"; ms: number }
  /** Throws {@link InjectedFault}. */
  | { kind: "error" };

/** Which points a rule matches, when it fires, and what happens then. */
export interface FaultRule {
  /** A name, or the beginning of a name followed by `*`. */
  point: string;
  action: FaultAction;
  /** Fires only at this hit of a point, counted from 1 per point and process. */
  nth?: number;
  /** Fires with this probability, 0 to 1, drawn from the plan's seed. */
  probability?: number;
}

export interface FaultPlan {
  seed: number;
  rules: FaultRule[];
}

/** The error of a fault point whose action is `error`. */
export class InjectedFault extends Error {
  constructor(point: string) {
    super(`fault point ${point}`);
    this.name = "InjectedFault";
  }
}

const RULE = /^([\w.*-]+)=(crash|stop|error|delay)(?::(\d+))?(?:@(\d+)|%([\d.]+))?$/;

/**
 * Reads a plan: `seed=7;aggregator.afterCommit=crash@3;reporter.*=error%0.01;*=delay:5@1`. The first rule that fires
 * decides; `@n` is the n-th hit, `%p` a probability; without either, a rule fires at every hit.
 * @throws Error that names the invalid part.
 */
export function parseFaultPlan(text: string): FaultPlan {
  const plan: FaultPlan = { seed: 1, rules: [] };
  for (const part of text
    .split(";")
    .map((each) => each.trim())
    .filter(Boolean)) {
    const seed = /^seed=(\d+)$/.exec(part);
    if (seed) plan.seed = Number(seed[1]);
    else plan.rules.push(parseRule(part));
  }
  return plan;
}

function parseRule(part: string): FaultRule {
  const match = RULE.exec(part);
  if (!match || (match[2] === "delay") !== (match[3] !== undefined)) {
    throw new Error(
      `QUARTERPAST_FAULT_POINTS: ${JSON.stringify(part)} is not a rule; write point=crash|stop|error|delay:MS, then @N or %P`,
    );
  }
  const [, point, kind, ms, nth, probability] = match;
  const action = kind === "delay" ? { kind, ms: Number(ms) } : ({ kind } as FaultAction);
  return {
    point: point!,
    action: action as FaultAction,
    ...(nth !== undefined && { nth: Number(nth) }),
    ...(probability !== undefined && { probability: Number(probability) }),
  };
}

/**
 * Creates the function that decides each hit, the same for the same plan and order of hits; undefined means that
 * nothing happens.
 */
export function createFaultDraw(plan: FaultPlan): (point: string) => FaultAction | undefined {
  const hits = new Map<string, number>();
  let state = plan.seed >>> 0;
  // Mulberry32, because a small seeded generator is enough here.
  const random = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return (point) => {
    const hit = (hits.get(point) ?? 0) + 1;
    hits.set(point, hit);
    const fires = ({ point: pattern, nth, probability }: FaultRule): boolean =>
      (pattern.endsWith("*") ? point.startsWith(pattern.slice(0, -1)) : pattern === point) &&
      (nth === undefined || nth === hit) &&
      (probability === undefined || random() < probability);
    return plan.rules.find(fires)?.action;
  };
}

/**
 * The plan given by the environment; undefined if there is none.
 * @throws Error in production, unless QUARTERPAST_ALLOW_FAULT_POINTS is `true`.
 */
export function readFaultPlan(env: NodeJS.ProcessEnv): FaultPlan | undefined {
  const text = env.QUARTERPAST_FAULT_POINTS;
  if (text === undefined) return undefined;
  if (env.NODE_ENV === "production" && env.QUARTERPAST_ALLOW_FAULT_POINTS !== "true") {
    throw new Error(
      "QUARTERPAST_FAULT_POINTS is set in production: unset it, or set QUARTERPAST_ALLOW_FAULT_POINTS=true",
    );
  }
  return parseFaultPlan(text);
}

const plan = readFaultPlan(process.env);
const draw = plan && createFaultDraw(plan);
const log = process.env.QUARTERPAST_FAULT_POINTS_LOG;

/**
 * A place between two effects where tests may kill, stop, delay or fail the process: `await
 * faultPoint("service.place")`. Without a plan in the environment it costs one check. Before a fault fires, a line
 * `pid point action` is appended to QUARTERPAST_FAULT_POINTS_LOG; while a file of that name plus `.off` exists,
 * nothing fires.
 */
export function faultPoint(point: string): Promise<void> | undefined {
  return draw === undefined ? undefined : fire(point, draw(point));
}

async function fire(point: string, action: FaultAction | undefined): Promise<void> {
  if (!action || (log && existsSync(`${log}.off`))) return;
  if (log) appendFileSync(log, `${process.pid} ${point} ${action.kind}\n`);
  switch (action.kind) {
    case "crash":
      process.kill(process.pid, "SIGKILL");
      break;
    case "stop":
      process.kill(process.pid, "SIGSTOP");
      break;
    case "delay":
      await sleep(action.ms);
      break;
    case "error":
      throw new InjectedFault(point);
  }
}
