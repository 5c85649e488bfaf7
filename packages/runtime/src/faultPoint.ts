import { appendFileSync, existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** What a fault point does to the process that passes it. */
export type FaultAction =
  /** SIGKILL to itself. */
  | { kind: "crash" }
  /** SIGSTOP to itself; whoever watches the log must send SIGCONT. */
  | { kind: "stop" }
  | { kind: "delay"; ms: number }
  /** Throws {@link InjectedFault}. */
  | { kind: "error" };

/** Which points a rule takes, when, and what happens then. */
export interface FaultRule {
  /** A name, or a name's begin followed by `*`. */
  point: string;
  action: FaultAction;
  /** Fires at this hit of a point alone, counted from 1 per point and process. */
  nth?: number;
  /** Fires by chance, 0 to 1, drawn from the plan's seed. */
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
 * decides; `@n` is the n-th hit, `%p` a chance, neither means each hit.
 * @throws Error that names the part which is no rule.
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
      `QUARTERPAST_FAULT_POINTS: ${JSON.stringify(part)} is no rule; write point=crash|stop|error|delay:MS, then @N or %P`,
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

/** Makes the decision of each hit, the same for the same plan and the same order of hits; undefined: nothing happens. */
export function createFaultDraw(plan: FaultPlan): (point: string) => FaultAction | undefined {
  const hits = new Map<string, number>();
  let state = plan.seed >>> 0;
  // Mulberry32: small and seeded is all that is asked of it.
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
 * The plan that the environment asks for; undefined where it asks for none.
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
 * A place between two effects where tests may end, stop, slow or fail the process: `await faultPoint("service.place")`.
 * Without a plan in the environment it is one check. What fires is appended to QUARTERPAST_FAULT_POINTS_LOG first, a line
 * `pid point action` each; while a file of that name with `.off` behind it exists, nothing fires.
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
