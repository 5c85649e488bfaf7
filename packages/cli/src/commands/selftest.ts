import type { CaseResult } from "@quarterpast/stack";
import { casesOf, MODES, VERSIONS, type Mode, type Version } from "@quarterpast/stack/selftest";
import { InvalidArgumentError, type Command } from "commander";
import { choice } from "../command.js";
import { CliError, EXIT } from "../exit.js";
import { say } from "../lang.js";
import { print, printJson, printList, type Column } from "../output.js";

interface Flags {
  url: string;
  key?: string;
  version?: Version;
  mode?: Mode;
  json?: boolean;
}

const COLUMNS: readonly Column<CaseResult>[] = [
  { title: { en: "VERSION", zh: "版本" }, cell: (result) => result.version },
  { title: { en: "MODE", zh: "销售模式" }, cell: (result) => result.mode },
  { title: { en: "CASE", zh: "用例" }, cell: (result) => result.name },
  { title: { en: "MS", zh: "毫秒" }, cell: (result) => String(result.durationMs), align: "right" },
  { title: { en: "RESULT", zh: "结果" }, cell: verdict },
];

/** `quarterpast selftest`: plays the marketplace's debugging cases against a production address. */
export function register(program: Command): void {
  program
    .command("selftest")
    .description(
      say({
        en: "play the marketplace's debugging cases (testFlag=1) against an address, as its console does",
        zh: "按云商店控制台的方式对接口地址运行调测用例（testFlag=1）",
      }),
    )
    .requiredOption("--url <url>", say({ en: "the production address", zh: "生产系统接口地址" }), readUrl)
    .option(
      "--key <key>",
      say({ en: "the interconnection key; else MARKETPLACE_KEY", zh: "对接密钥；缺省取 MARKETPLACE_KEY" }),
    )
    .addOption(choice("--version <version>", { en: "one version alone", zh: "仅测一个版本" }, VERSIONS))
    .addOption(choice("--mode <mode>", { en: "one selling mode alone", zh: "仅测一种销售模式" }, MODES))
    .option("--json", say({ en: "print JSON", zh: "以 JSON 输出" }))
    .action(async ({ url, key = process.env.MARKETPLACE_KEY, version, mode, json }: Flags) => {
      if (!key) {
        const text = { en: "give --key, or set MARKETPLACE_KEY", zh: "请指定 --key，或设置 MARKETPLACE_KEY" };
        throw new CliError(EXIT.usage, text);
      }
      const cases = casesOf({ versions: version ? [version] : VERSIONS, modes: mode ? [mode] : MODES });
      // Loaded when needed, as in every command that speaks to more than the api: the others start three times as fast.
      const { runCases } = await import("@quarterpast/stack");
      const results = await runCases({ url, key }, cases);
      if (json) printJson(results);
      else printList(results, { columns: COLUMNS, empty: { en: "no cases", zh: "没有用例" } });
      const failed = results.filter((result) => result.problems.length > 0).length;
      if (failed > 0) {
        throw new CliError(EXIT.failed, {
          en: `${failed} of ${results.length} debugging cases failed`,
          zh: `${results.length} 个调测用例中有 ${failed} 个失败`,
        });
      }
      if (!json) {
        const count = results.length;
        print(say({ en: `all ${count} debugging cases passed`, zh: `${count} 个调测用例全部成功！` }));
      }
    });
}

function verdict({ problems }: CaseResult): string {
  if (problems.length === 0) return say({ en: "passed", zh: "调测用例成功！" });
  return problems.map((problem) => say(problem)).join("; ");
}

function readUrl(text: string): string {
  if (/^https?:\/\//i.test(text) && URL.canParse(text)) return text;
  throw new InvalidArgumentError(
    say({ en: "It must be an http or https address.", zh: "应为 http 或 https 地址。" }),
  );
}
