import { RequestRefused, UnacknowledgedEvent } from "@quarterpast/client";
import { CliError, EXIT } from "../exit.js";
import type { Tally } from "./tally.js";

const AGAIN = {
  en: "run the same command to continue from there",
  zh: "再次运行同一命令即可继续",
};

/** The error of an import that Ctrl-C stopped. */
export function interruptedError({ rows }: Tally): CliError {
  return new CliError(EXIT.interrupted, {
    en: `interrupted after row ${rows}: ${AGAIN.en}`,
    zh: `已在第 ${rows} 行后中断：${AGAIN.zh}`,
  });
}

/** The error of an import whose events could not be sent, or whose file could not be read to the end. */
export function failureError(failure: unknown, { rows }: Tally, collector: string): unknown {
  if (failure instanceof UnacknowledgedEvent) {
    const why = failure.cause instanceof Error ? causeOf(failure.cause) : failure.message;
    const text = {
      en: `the collector at ${collector} accepts no events (${why}); ${rows} rows are in: ${AGAIN.en}`,
      zh: `${collector} 的采集服务无法接收事件（${why}）；已导入 ${rows} 行：${AGAIN.zh}`,
    };
    return new CliError(EXIT.noStack, text, failure);
  }
  if (failure instanceof RequestRefused) {
    const text = {
      en: `the collector at ${collector} refuses (${failure.status}: ${failure.detail}); ${rows} rows are in: ${AGAIN.en}`,
      zh: `${collector} 的采集服务拒绝请求（${failure.status}：${failure.detail}）；已导入 ${rows} 行：${AGAIN.zh}`,
    };
    return new CliError(EXIT.refused, text, failure);
  }
  return failure;
}

function causeOf(error: Error): string {
  const { cause } = error as { cause?: { code?: string } };
  return cause?.code ?? error.message;
}
