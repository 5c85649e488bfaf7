import { readdirSync, readFileSync } from "node:fs";
import { median } from "./result.js";

/** The peak memory of each named process, in MB (2^20 bytes), as Linux counts it; zeros on other systems. */
export interface Memory {
  /** All resident pages, including shared memory: Postgres sessions each count the shared buffers they touched. */
  rss: number;
  /** Private pages of the process. */
  own: number;
  /** Processor seconds used, summed over all sessions of a Postgres. */
  cpu: number;
}

interface Watch {
  peaks: Map<string, Memory>;
  stop(): Map<string, Memory>;
}

const EVERY_MS = 200;

/**
 * Watches processes and their children by name.
 * @param pids by name; for a Postgres, give the postmaster: the largest of its sessions counts.
 */
export function watchMemory(pids: Record<string, number>): Watch {
  const peaks = new Map<string, Memory>();
  const cpu = new Map<string, Map<number, number>>();
  const look = (): void => {
    const children = childrenByParent();
    for (const [name, pid] of Object.entries(pids)) {
      note(peaks, cpu, name, pid);
      for (const child of children.get(pid) ?? []) note(peaks, cpu, `${name} session`, child);
    }
  };
  look();
  const timer = setInterval(look, EVERY_MS);
  return {
    peaks,
    stop: () => {
      clearInterval(timer);
      look();
      return peaks;
    },
  };
}

function note(
  peaks: Map<string, Memory>,
  cpu: Map<string, Map<number, number>>,
  name: string,
  pid: number,
): void {
  const status = readStatus(pid);
  if (!status) return;
  const before = peaks.get(name) ?? { rss: 0, own: 0, cpu: 0 };
  const used = cpu.get(name) ?? new Map<number, number>();
  cpu.set(name, used.set(pid, status.cpu));
  const seconds = [...used.values()].reduce((sum, one) => sum + one, 0);
  peaks.set(name, {
    rss: Math.max(before.rss, status.rss),
    own: Math.max(before.own, status.own),
    cpu: Math.round(seconds * 10) / 10,
  });
}

/** Linux counts processor time in hundredths of a second. */
const TICKS_PER_SECOND = 100;

function readStatus(pid: number): Memory | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/status`, "latin1");
    const of = (name: string) =>
      Math.round(Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(text)?.[1] ?? 0) / 1024);
    const times = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]!.split(" ");
    return {
      rss: of("VmRSS"),
      own: of("RssAnon"),
      cpu: (Number(times[11]) + Number(times[12])) / TICKS_PER_SECOND,
    };
  } catch {
    return undefined;
  }
}

/** MB of private memory per process: the median of the third minute, and of the last. */
export type Series = Record<string, { early: number; late: number }>;

const MINUTE_MS = 60_000;

/**
 * Samples the private memory of processes once a second.
 * @param pids by name; the sessions of a Postgres are summed.
 */
export function seriesOf(pids: Record<string, number>): { stop(): Series } {
  const samples: { at: number; own: Record<string, number> }[] = [];
  const look = (): void => {
    const children = childrenByParent();
    const own: Record<string, number> = {};
    for (const [name, pid] of Object.entries(pids)) {
      const all = [pid, ...(children.get(pid) ?? [])];
      own[name] = all.reduce((sum, one) => sum + (readStatus(one)?.own ?? 0), 0);
    }
    samples.push({ at: Date.now(), own });
  };
  look();
  const timer = setInterval(look, 1_000);
  return {
    stop() {
      clearInterval(timer);
      look();
      const [begin, end] = [samples[0]!.at, samples.at(-1)!.at];
      const within = (from: number, to: number, name: string) =>
        median(samples.filter(({ at }) => from <= at && at <= to).map(({ own }) => own[name]!));
      return Object.fromEntries(
        Object.keys(pids).map((name) => [
          name,
          {
            early: within(Math.min(begin + 2 * MINUTE_MS, end - 1_000), begin + 3 * MINUTE_MS, name),
            late: within(end - MINUTE_MS, end, name),
          },
        ]),
      );
    },
  };
}

function childrenByParent(): Map<number, number[]> {
  const children = new Map<number, number[]>();
  let names: string[] = [];
  try {
    names = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  } catch {
    return children;
  }
  for (const name of names) {
    try {
      const parent = Number(/\) \S (\d+)/.exec(readFileSync(`/proc/${name}/stat`, "latin1"))?.[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
    } catch {
      // It has ended.
    }
  }
  return children;
}
