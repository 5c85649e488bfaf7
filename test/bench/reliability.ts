import { readFileSync } from "node:fs";
import { markdown, shortCommit, type Language } from "./table.js";

/** One line of test/crash/results.ndjson: a long run of the crash suite. */
export interface LongResult {
  part: string;
  at: string;
  commit: string;
  isGood: boolean;
  seed?: number;
  seconds?: number;
  [figure: string]: unknown;
}

type Row = (
  figure: (name: string) => string,
  result: LongResult,
) => Record<Language, [run: string, found: string]>;

const seconds = (ms: unknown): string => `${Math.ceil(Number(ms) / 1_000)} s`;

/** For each part, what the run is and its results, both from its line. */
const ROWS: Record<string, Row> = {
  crash: (figure, { minutes }) => ({
    en: [
      `${String(minutes)} minutes of SIGKILL, SIGSTOP, cut networks, emptied Redis and a lying marketplace`,
      `${figure("events")} events acknowledged, ${figure("kills")} kills, ${figure("stops")} stops, ${figure("faultPointsHit")} of ${figure("faultPoints")} fault points hit: ${figure("lost")} lost, ${figure("doubled")} doubled`,
    ],
    zh: [
      `${String(minutes)} 分钟的 SIGKILL、SIGSTOP、断网、清空 Redis 与说谎的市场`,
      `确认 ${figure("events")} 个事件，${figure("kills")} 次强杀，${figure("stops")} 次暂停，命中 ${figure("faultPointsHit")}/${figure("faultPoints")} 个故障点：丢失 ${figure("lost")}，重复 ${figure("doubled")}`,
    ],
  }),
  ambiguous: (figure) => ({
    en: [
      "replies that do not tell whether the call was taken",
      `${figure("replies")} replies, ${figure("records")} records: ${figure("doubled")} doubled, ${figure("missing")} missing`,
    ],
    zh: [
      "无法判断是否已被接收的应答",
      `${figure("replies")} 次应答，${figure("records")} 条话单：重复 ${figure("doubled")}，缺失 ${figure("missing")}`,
    ],
  }),
  rebuild: (figure, { requeuedMs, countedMs }) => ({
    en: [
      "Redis emptied under load",
      `${figure("events")} waiting events queued again from the journals within ${seconds(requeuedMs)}, counted within ${seconds(countedMs)}: ${figure("lost")} lost, ${figure("doubled")} doubled`,
    ],
    zh: [
      "负载下清空 Redis",
      `${figure("events")} 个等待中的事件在 ${seconds(requeuedMs)} 内由日志重新入队，${seconds(countedMs)} 内全部计入：丢失 ${figure("lost")}，重复 ${figure("doubled")}`,
    ],
  }),
  outage: (figure, { caughtUpMs }) => ({
    en: [
      `the marketplace away for ${figure("hoursAway")} hours`,
      `${figure("records")} records delivered within ${seconds(caughtUpMs)} of its return, ${figure("outOfOrder")} calls out of order, ${figure("missing")} missing, ${figure("doubled")} doubled`,
    ],
    zh: [
      `市场中断 ${figure("hoursAway")} 小时`,
      `恢复后 ${seconds(caughtUpMs)} 内送达 ${figure("records")} 条话单，乱序调用 ${figure("outOfOrder")}，缺失 ${figure("missing")}，重复 ${figure("doubled")}`,
    ],
  }),
  bugs: (figure) => ({
    en: [
      "bugs put into the product on purpose",
      `${figure("caught")} of ${figure("bugs")} caught, ${figure("falseAlarms")} false alarms`,
    ],
    zh: [
      "故意埋入的错误",
      `${figure("bugs")} 个中发现 ${figure("caught")} 个，误报 ${figure("falseAlarms")}`,
    ],
  }),
  fuzz: (figure, { rssStartMb, rssEndMb }) => ({
    en: [
      "hostile requests to every endpoint",
      `${figure("requests")} requests, ${figure("passed")} of them valid: ${figure("serverErrors")} server errors; memory ${String(rssStartMb)} MB before, ${String(rssEndMb)} MB after`,
    ],
    zh: [
      "对所有端点的恶意请求",
      `${figure("requests")} 次请求，其中 ${figure("passed")} 次合法：服务器错误 ${figure("serverErrors")}；内存前 ${String(rssStartMb)} MB，后 ${String(rssEndMb)} MB`,
    ],
  }),
  mutations: (figure) => ({
    en: [
      "one byte of an archive of proofs changed at a time",
      `${figure("mutations")} changes, both verifiers: ${figure("missed")} missed`,
    ],
    zh: [
      "每次改动证明归档中的一个字节",
      `${figure("mutations")} 次改动，两个核验程序：漏报 ${figure("missed")}`,
    ],
  }),
  reconcile: (figure, { reconciledMs }) => ({
    en: [
      "a statement of the marketplace that differs in 1 %",
      `${figure("records")} records, ${figure("corrupted")} differences put in, ${figure("found")} found and classed, none beside them, in ${seconds(reconciledMs)}`,
    ],
    zh: [
      "与账本相差 1% 的市场对账单",
      `${figure("records")} 条话单，埋入 ${figure("corrupted")} 处差异，发现并归类 ${figure("found")} 处，无误报，用时 ${seconds(reconciledMs)}`,
    ],
  }),
  spool: (figure) => ({
    en: [
      "a product service killed while its events wait in the client's spool",
      `${figure("kills")} kills, ${figure("repliesLost")} replies lost, ${figure("stored")} events told to be kept: ${figure("lost")} lost, ${figure("doubled")} doubled`,
    ],
    zh: [
      "产品服务在事件滞留客户端磁盘队列时被强杀",
      `${figure("kills")} 次强杀，丢失 ${figure("repliesLost")} 个应答，${figure("stored")} 个已确认落盘的事件：丢失 ${figure("lost")}，重复 ${figure("doubled")}`,
    ],
  }),
};

const HEAD: Record<Language, string[]> = {
  en: ["run", "what came of it", "seed", "commit"],
  zh: ["测试", "结果", "种子", "提交"],
};

/** The newest green line of each part, in the order of the table. */
export function newestGood(file: string): LongResult[] {
  const lines = readFileSync(file, "utf8").split("\n").filter(Boolean);
  const results = lines.map((line) => JSON.parse(line) as LongResult).filter(({ isGood }) => isGood);
  return Object.keys(ROWS).flatMap((part) => results.findLast((result) => result.part === part) ?? []);
}

/** The reliability table of docs/measured.md, in Markdown; empty if nothing was run yet. */
export function reliabilityTable(results: readonly LongResult[], language: Language): string {
  if (results.length === 0) return "";
  const rows = results.map((result) => {
    const figure = (name: string): string => Number(result[name]).toLocaleString("en-US");
    const [run, found] = ROWS[result.part]!(figure, result)[language];
    return [run, found, String(result.seed ?? "–"), shortCommit(result.commit)];
  });
  return markdown([HEAD[language], ...rows], "left").join("\n");
}
