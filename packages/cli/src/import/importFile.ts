import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { createUsageClient } from "@quarterpast/client";
import type { AnswerOf, ApiClient } from "@quarterpast/contract";
import { apiOf } from "../command.js";
import { findStack, type Stack } from "@quarterpast/stack/find";
import { createCheckpoint, type Checkpoint } from "./checkpoint.js";
import { failureError, interruptedError } from "./endings.js";
import { followClock } from "./followClock.js";
import { formatOf, readRows, type Format } from "./format.js";
import { createMapper, mapCloudEvent } from "./mapRow.js";
import { bindMeters, columnsOf, parseMapping, usage, type Mapping, type MappingOptions } from "./mapping.js";
import { createProgress, type Progress } from "./progress.js";
import { runImport } from "./run.js";
import { emptyTally, type Rejection, type Tally } from "./tally.js";
import { openInput, type InputFile } from "./text.js";

export interface ImportOptions extends MappingOptions {
  format?: Format | undefined;
  followClock?: boolean | undefined;
  restart?: boolean | undefined;
  dataDir?: string | undefined;
}

/** What the import needs to know of the stack, from `GET /v1/stack`. */
type ToldStack = Pick<AnswerOf<"readStack">, "api" | "collector" | "clock">;

/**
 * Without --follow-clock, an event in the future is rejected immediately; with it, only the difference between the
 * clocks is bridged.
 */
const FUTURE_PATIENCE_MS = 60_000;
/** An import ends if the collector accepts nothing for this long; the checkpoint lets it continue. */
const OUTAGE_MS = 120_000;
const CLOSE_MS = 2_000;
const DETAILS = 10;

/**
 * Imports a file into the running stack.
 * @param stderr for progress and rejections
 * @param stop ends it early
 * @returns the tally of the whole file
 * @throws CliError for wrong arguments or files, no stack, a refusal, an interruption
 */
export async function importFile(
  name: string,
  options: ImportOptions,
  stderr: NodeJS.WriteStream,
  stop: AbortController,
): Promise<Tally> {
  const format = formatOf(name, options.format, options.meter.length > 0);
  const mapping = format === "cloudevents" ? undefined : parseMapping(options);
  if (!mapping) refuseMapping(options);
  const file = await openInput(name);
  const stack = await findStack(options);
  const api = apiOf(stack);
  const told = await api.readStack();
  const map = mapping ? createMapper(bindMeters(mapping, (await api.listMeters()).items)) : mapCloudEvent;
  const progress = createProgress(stderr, file.bytes);
  const checkpoint = makeCheckpoint(file, stack, told, mapping ?? format, progress);
  const resumed = await resume(checkpoint, options, progress);
  const client = makeClient(stack, told, mapping, options, progress);
  try {
    const end = await runImport({
      rows: readRows(file, format, mapping ? columnsOf(mapping) : []),
      map,
      client,
      checkpoint,
      resumed,
      clock: options.followClock ? await follow(api, stop.signal) : undefined,
      stop,
      onSettled: createTeller(progress, resumed),
      onNoZone: () =>
        progress.note({ en: `times without a zone are read as UTC`, zh: `未注明时区的时间按 UTC 读取` }),
    });
    if (end.failure) throw failureError(end.failure, end.tally, told.collector);
    if (end.wasInterrupted) throw interruptedError(end.tally);
    await checkpoint.remove();
    return end.tally;
  } finally {
    progress.stop();
    await client.close(CLOSE_MS);
  }
}

function refuseMapping(options: ImportOptions): void {
  const given = (["source", "time", "subject", "account", "id"] as const).find(
    (name) => options[name] !== undefined,
  );
  const option = given ?? (options.meter.length > 0 ? "meter" : undefined);
  if (option === undefined) return;
  throw usage(
    `--${option} cannot be used with a file of CloudEvents: they are sent unchanged (for another table say --format csv or ndjson)`,
    `--${option} 不能用于 CloudEvents 文件：事件将原样发送（其他表格请使用 --format csv 或 ndjson）`,
  );
}

function makeCheckpoint(
  file: InputFile,
  { dataDir }: Stack,
  { api }: ToldStack,
  mapping: unknown,
  progress: Progress,
): Checkpoint {
  const onUnusable = ({ code }: NodeJS.ErrnoException) =>
    progress.note({
      en: `${dataDir} cannot be written (${code}): if it is interrupted, this import starts over (nothing counts twice)`,
      zh: `${dataDir} 无法写入（${code}）：若中断，导入将从头开始（不会重复计量）`,
    });
  return createCheckpoint({
    dataDir,
    file,
    stack: api,
    mapping,
    monotonicMs: () => performance.now(),
    onUnusable,
  });
}

async function resume(
  checkpoint: Checkpoint,
  { restart }: ImportOptions,
  progress: Progress,
): Promise<Tally | undefined> {
  const resumed = restart ? undefined : await checkpoint.read();
  if (resumed) {
    progress.note({
      en: `continuing after row ${resumed.rows} (--restart starts over)`,
      zh: `从第 ${resumed.rows} 行之后继续（--restart 可从头开始）`,
    });
  }
  return resumed;
}

function makeClient(
  { apiKey }: Stack,
  { collector }: ToldStack,
  mapping: Mapping | undefined,
  { followClock: follows }: ImportOptions,
  progress: Progress,
) {
  let isTold = false;
  return createUsageClient({
    url: collector,
    apiKey,
    source: mapping?.source ?? "import",
    retry: { forMs: OUTAGE_MS, rejectedForMs: follows ? FUTURE_PATIENCE_MS : 0 },
    onRetry(cause) {
      if (isTold) return;
      isTold = true;
      const why = cause instanceof Error ? cause.message : String(cause);
      progress.note({
        en: `the collector accepts no events at the moment (${why}); trying again`,
        zh: `采集服务暂时无法接收事件（${why}），正在重试`,
      });
    },
  });
}

function follow(api: ApiClient, signal: AbortSignal) {
  return followClock({
    read: async () => (await api.readStack()).clock,
    hostMicros: () => Math.floor((performance.timeOrigin + performance.now()) * 1_000),
    sleep: (ms, waitSignal) => delay(ms, undefined, { signal: waitSignal }).catch(() => undefined),
    signal,
  });
}

/** Prints the first rejections line by line, and moves the bar. */
function createTeller(progress: Progress, resumed: Tally = emptyTally()) {
  let told = 0;
  progress.update(0, resumed);
  return (bytes: number, tally: Tally, rejections: readonly Rejection[]) => {
    for (const { line, code, text } of rejections) {
      told += 1;
      if (told <= DETAILS) {
        progress.note({ en: `line ${line}: ${code}: ${text.en}`, zh: `第 ${line} 行：${code}：${text.zh}` });
      } else if (told === DETAILS + 1) {
        progress.note({ en: "further rejections are only counted", zh: "其余被拒绝的仅计数" });
      }
    }
    progress.update(bytes, tally);
  };
}
