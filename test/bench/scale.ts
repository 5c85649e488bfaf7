import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { markdown, shortCommit, type Language } from "./table.js";

/** One line of close.ndjson, growth.ndjson, finance.ndjson or storefront/results.ndjson. */
interface ScaleResult {
  commit: string;
  figures: Record<string, never>;
}

type Row = (figures: Record<string, any>) => Record<Language, [measured: string, found: string]>;

const count = (value: unknown): string => Number(value).toLocaleString("en-US");
const most = (memory: Record<string, { rss: number }>): number =>
  Math.max(...Object.values(memory).map(({ rss }) => rss));

/** For each file in test/bench, what is measured and the results. */
const ROWS: Record<string, Row> = {
  "close.ndjson": ({ instances, accepted, memory }) => ({
    en: [
      `closing an hour of ${count(instances)} instances`,
      `all records accepted after ${Math.ceil(accepted)} s; no process above ${most(memory)} MB`,
    ],
    zh: [
      `关闭含 ${count(instances)} 个实例的一个小时`,
      `${Math.ceil(accepted)} 秒后全部话单被接收；各进程内存不超过 ${most(memory)} MB`,
    ],
  }),
  "growth.ndjson": ({ small, large, ratio, minutes, loaded, memory }) => {
    const own = (name: string) => `${memory[name].early} → ${memory[name].late} MB`;
    return {
      en: [
        `${count(large)} events in the ledger; ${minutes} minutes at full load`,
        `${ratio} × the throughput at ${count(small)}; ${count(loaded)} events, memory of the collector ${own("collector")}, of the aggregator ${own("aggregator")}`,
      ],
      zh: [
        `账本中有 ${count(large)} 个事件；满负载 ${minutes} 分钟`,
        `吞吐为 ${count(small)} 个事件时的 ${ratio} 倍；${count(loaded)} 个事件，内存：采集 ${own("collector")}，聚合 ${own("aggregator")}`,
      ],
    };
  },
  "finance.ndjson": ({ records, summaryByDayMs, exports, verify }) => ({
    en: [
      `a month of ${count(records)} records`,
      `summed by product and day in ${summaryByDayMs} ms, exported in ${Math.ceil(exports.csv.seconds)} s (CSV), chain and manifests verified at ${count(verify.perSecond)} records/s`,
    ],
    zh: [
      `一个月 ${count(records)} 条话单`,
      `按产品与日汇总 ${summaryByDayMs} ms，导出（CSV）${Math.ceil(exports.csv.seconds)} 秒，链与清单核验每秒 ${count(verify.perSecond)} 条`,
    ],
  }),
  "storefront/results.ndjson": ({ rate, instances, table }) => {
    const p99 = (call: string) => Math.ceil(table.find((row: { call: string }) => row.call === call).p99);
    return {
      en: [
        `${count(rate)} calls of the marketplace a second, ${count(instances)} instances`,
        `99 of 100 answered within ${p99("all")} ms; asked for 100 instances at once, within ${p99("v2 queryInstance of 100")} ms`,
      ],
      zh: [
        `云市场每秒 ${count(rate)} 次调用，${count(instances)} 个实例`,
        `99% 在 ${p99("all")} ms 内应答；一次查询 100 个实例在 ${p99("v2 queryInstance of 100")} ms 内`,
      ],
    };
  },
};

const HEAD: Record<Language, string[]> = {
  en: ["measured", "what came of it", "commit"],
  zh: ["测量", "结果", "提交"],
};

/** The table of the measurements at scale, from the newest line of each file; empty if there is none. */
export function scaleTable(folder: string, language: Language): string {
  const rows = Object.entries(ROWS).flatMap(([file, row]) => {
    const path = join(folder, file);
    const newest = existsSync(path) ? readFileSync(path, "utf8").trim().split("\n").at(-1) : "";
    if (!newest) return [];
    const { figures, commit } = JSON.parse(newest) as ScaleResult;
    return [[...row(figures)[language], shortCommit(commit)]];
  });
  return rows.length === 0 ? "" : markdown([HEAD[language], ...rows], "left").join("\n");
}
