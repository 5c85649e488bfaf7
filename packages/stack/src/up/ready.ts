import { performance } from "node:perf_hooks";
import { relative } from "node:path";
import type { Text } from "@quarterpast/runtime";
import { writePrivateFile } from "./files.js";
import type { Places } from "./layout.js";
import type { ClockLine, ProductTime } from "./productTime.js";

/** The addresses of all listeners, and the key. */
export interface StackFacts {
  collector: string;
  api: string;
  storefront: string;
  sandbox: string | null;
  database: string;
  redis: string;
  apiKey: string;
}

/**
 * Announces to programs that the stack is ready: one line on stdout, and the file in which other commands find it.
 */
export function announce(facts: StackFacts, clock: ClockLine, places: Places): void {
  const line = JSON.stringify({ ready: true, ...facts, clock });
  writePrivateFile(places.stack, `${line}\n`);
  process.stdout.write(`${line}\n`);
}

/** The first line a person sees. */
export function startingText(places: Places): Text {
  return {
    en: `quarterpast: starting; everything is kept in ${shown(places.dir)}`,
    zh: `quarterpast：正在启动；所有数据保存在 ${shown(places.dir)}`,
  };
}

/** The message that the stack is ready, with its addresses and how to end it. */
export function readyText(
  { collector, api, storefront, sandbox }: StackFacts,
  time: ProductTime,
  places: Places,
): Text {
  const seconds = (performance.now() / 1000).toFixed(1);
  const [stack, logs] = [shown(places.stack), shown(places.logs)];
  const rows: [en: string, zh: string, value: string][] = [
    ["send usage to", "发送用量", `POST ${collector}/v1/events`],
    ["api", "api", api],
    ["storefront", "店面回调", storefront],
    ...(sandbox === null
      ? []
      : ([["marketplace", "沙箱云商店", `${sandbox}  (sandbox)`]] as [string, string, string][])),
    ["key, addresses", "密钥与地址", stack],
    ["logs", "日志", logs],
  ];
  return {
    en: [
      "",
      `ready after ${seconds} s; ${clockText(time).en}`,
      ...rows.map(([en, , value]) => `  ${en.padEnd(15)} ${value}`),
      "  Ctrl-C stops all of it; the next start continues with the same data",
      "",
    ].join("\n"),
    zh: [
      "",
      `已就绪，用时 ${seconds} 秒；${clockText(time).zh}`,
      ...rows.map(([, zh, value]) => `  ${zh}  ${value}`),
      "  按 Ctrl-C 全部停止；下次启动继续使用同一数据",
      "",
    ].join("\n"),
  };
}

function clockText({ plan, start }: ProductTime): Text {
  if (plan.kind === "real") return { en: "the clock is real time", zh: "时钟为真实时间" };
  const at = new Date(start / 1000).toISOString().slice(0, 16).replace("T", " ");
  return {
    en: `product time continues from ${at} UTC, ${plan.rate} times as fast as real time`,
    zh: `系统时间从 ${at}（UTC）继续，速度为真实时间的 ${plan.rate} 倍`,
  };
}

function shown(path: string): string {
  const near = relative(process.cwd(), path);
  return near === "" || near.startsWith("..") ? path : near;
}
