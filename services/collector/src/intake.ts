import {
  ERRORS,
  idProblem,
  lateMost,
  parseUsageEvent,
  type AcceptWindow,
  type ErrorCode,
  type Micros,
  type Problem,
  type UsageEvent,
} from "@quarterpast/domain";
import { maySend, type LiveKey } from "@quarterpast/store";
import { readBody, type BodyForm } from "./body.js";
import type { Durability, Flusher } from "./flush.js";
import { noneTaken, type Rejection } from "./problems.js";

/** A request that may send events: how its body holds them, and whether one bad event refuses all (`Prefer`). */
export interface Sending {
  form: BodyForm;
  isStrict: boolean;
}

/** The answer to a request whose accepted events are on disk. */
export interface Receipt {
  accepted: number;
  rejected: Rejection[];
  /** Present if Redis did not have them yet. */
  durability?: "journal";
}

/** Checks the events of requests and has the valid ones written. */
export interface Intake {
  /**
   * @param key of the sender
   * @throws ProblemError if nothing of the request is accepted: it cannot be read, no event is valid, or one is invalid
   * and the request is strict
   */
  take(key: Pick<LiveKey, "sources">, sending: Sending, body: Buffer): Promise<Receipt>;
}

export interface IntakeDeps {
  flusher: Flusher;
  now: () => Micros;
  /** Real time: ids are made by the clocks of their makers. */
  real: () => Micros;
  window: AcceptWindow;
  /** How long identities are kept, days. */
  keepDays: () => number;
  onAccepted: (events: number, durability: Durability) => void;
  onRejected: (code: ErrorCode) => void;
}

/** Creates the path of a request from its bytes to its receipt. */
export function createIntake(deps: IntakeDeps): Intake {
  return {
    async take(key, { form, isStrict }, body) {
      const received = deps.now();
      const { events, rejected } = check(key, { form, body }, { ...deps, now: received });
      for (const { code } of rejected) deps.onRejected(code);
      if (events.length === 0 || (isStrict && rejected.length > 0))
        throw noneTaken(events.length + rejected.length, rejected);
      const durability = await deps.flusher.submit({ events, bytes: body.length, received });
      deps.onAccepted(events.length, durability);
      return {
        accepted: events.length,
        rejected,
        ...(durability === "journal" && { durability }),
      };
    },
  };
}

function check(
  key: Pick<LiveKey, "sources">,
  { form, body }: { form: BodyForm; body: Buffer },
  { now, real, window, keepDays }: Pick<IntakeDeps, "real" | "window" | "keepDays"> & { now: Micros },
): { events: UsageEvent[]; rejected: Rejection[] } {
  const keep = keepDays();
  const accept = { ...window, past: Math.min(window.past, lateMost(keep)) };
  const realNow = real();
  const events: UsageEvent[] = [];
  const rejected: Rejection[] = [];
  readBody(form, body).forEach((one, index) => {
    const parsed =
      "problem" in one
        ? { ok: false as const, problem: one.problem, id: null }
        : parseUsageEvent(one.raw, now, accept);
    const problem =
      parsed.ok && (sourceProblem(key, parsed.event.source) ?? idProblem(parsed.event.id, realNow, keep));
    if (parsed.ok && !problem) events.push(parsed.event);
    else if (parsed.ok) rejected.push(rejection(index, parsed.event.id, problem as Problem));
    else rejected.push(rejection(index, parsed.id, parsed.problem));
  });
  return { events, rejected };
}

function sourceProblem(key: Pick<LiveKey, "sources">, source: string): Problem | undefined {
  if (maySend(key, source)) return undefined;
  const detail = `source ${source}: this key sends for ${key.sources!.join(", ")} only`;
  return { code: "source_forbidden", field: "source", detail };
}

function rejection(index: number, id: string | null, { code, field, detail }: Problem): Rejection {
  return { index, id, code, field: field ?? null, detail, retryable: ERRORS[code].retryable };
}
