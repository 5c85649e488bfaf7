import type { ItemOf } from "@quarterpast/contract";
import { setTimeout as delay } from "node:timers/promises";
import type { Command } from "commander";
import { onStack, openApi, readUpTo, wholeNumber, type StackFlags } from "../command.js";
import { CliError, EXIT } from "../exit.js";
import { say } from "../lang.js";
import { print, printJson, printList, type Column } from "../output.js";

type Call = ItemOf<"listCalls">;

const CALLS: readonly Column<Call>[] = [
  { title: { en: "ID", zh: "编号" }, cell: (call) => String(call.callId), align: "right" },
  { title: { en: "RECEIVED", zh: "接收时间" }, cell: (call) => call.received },
  { title: { en: "VERSION", zh: "版本" }, cell: (call) => call.version },
  { title: { en: "ACTIVITY", zh: "接口" }, cell: (call) => call.activity || "-" },
  { title: { en: "CODE", zh: "结果码" }, cell: (call) => call.code },
  { title: { en: "MS", zh: "毫秒" }, cell: (call) => String(call.durationMs), align: "right" },
  { title: { en: "ABOUT", zh: "对象" }, cell: (call) => call.ref || "-" },
  { title: { en: "DETAIL", zh: "说明" }, cell: (call) => call.detail || "-" },
];

const RERUN_WITHIN_MS = 15_000;
const POLL_MS = 200;

/** `quarterpast calls`: calls of the marketplace. */
export function register(program: Command): void {
  const calls = program
    .command("calls")
    .description(say({ en: "calls of the marketplace", zh: "云商店的接口调用" }));

  onStack(calls.command("list"))
    .description(say({ en: "list calls, newest first", zh: "列出调用，最新的在前" }))
    .option("--ref <id>", say({ en: "of one order or instance", zh: "指定订单或实例" }))
    .option("--failed", say({ en: "only failed ones", zh: "仅未成功的" }))
    .option("--limit <number>", say({ en: "how many at most", zh: "至多条数" }), wholeNumber(1, 100_000), 50)
    .action(
      async ({
        ref,
        failed,
        limit,
        ...flags
      }: StackFlags & { ref?: string; failed?: boolean; limit: number }) => {
        const api = await openApi(flags);
        const items = await readUpTo(limit, (page) => api.listCalls({ query: { ref, failed, ...page } }));
        printList(items, { json: flags.json, columns: CALLS, empty: { en: "no calls", zh: "没有调用" } });
      },
    );

  onStack(calls.command("rerun <id>"))
    .description(say({ en: "run a call again, as if it had been repeated", zh: "重新运行一次调用" }))
    .action(async (id: string, flags: StackFlags) => {
      const api = await openApi(flags);
      const { rerunId } = await api.rerunCall({ params: { id } });
      for (let waited = 0; waited < RERUN_WITHIN_MS; waited += POLL_MS) {
        const rerun = await api.readRerun({ params: { id: rerunId } });
        if (rerun.code !== null) return tellRerun(id, rerun.code, flags);
        await delay(POLL_MS);
      }
      throw new CliError(EXIT.failed, {
        en: `call ${id} was not run within ${RERUN_WITHIN_MS / 1_000} s: is the storefront running?`,
        zh: `调用 ${id} 在 ${RERUN_WITHIN_MS / 1_000} 秒内未运行：storefront 是否在运行？`,
      });
    });
}

function tellRerun(id: string, code: string, { json }: StackFlags): void {
  if (json) printJson({ callId: Number(id), code });
  else print(say({ en: `call ${id} was run again: ${code}`, zh: `调用 ${id} 已重新运行：${code}` }));
  if (code !== "000000") process.exitCode = EXIT.failed;
}
