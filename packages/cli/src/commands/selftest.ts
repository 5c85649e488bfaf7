import type { CaseResult, SelfTest } from "@quarterpast/marketplace";
import { InvalidArgumentError, type Command } from "commander";
import { CliError, EXIT } from "../exit.js";
import { say } from "../lang.js";
import { print, printJson, printList, type Column } from "../output.js";

interface Flags {
  url: string;
  key?: string;
  marketplace?: string;
  version?: string;
  mode?: string;
  json?: boolean;
}

const COLUMNS: readonly Column<CaseResult>[] = [
  { title: { en: "VERSION", zh: "版本" }, cell: (result) => result.version },
  { title: { en: "MODE", zh: "销售模式" }, cell: (result) => result.mode },
  { title: { en: "CASE", zh: "用例" }, cell: (result) => result.name },
  { title: { en: "MS", zh: "毫秒" }, cell: (result) => String(result.durationMs), align: "right" },
  { title: { en: "RESULT", zh: "结果" }, cell: verdict },
];

/** `quarterpast selftest`: runs the marketplace's debugging cases against a production address. */
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
    .option("--marketplace <name>", say({ en: "the first one if not given", zh: "缺省为首个云市场" }))
    .option("--version <version>", say({ en: "only this version", zh: "仅测一个版本" }))
    .option("--mode <mode>", say({ en: "only this selling mode", zh: "仅测一种销售模式" }))
    .option("--json", say({ en: "print JSON", zh: "以 JSON 输出" }))
    .action(async ({ url, key = process.env.MARKETPLACE_KEY, marketplace, version, mode, json }: Flags) => {
      if (!key) {
        const text = { en: "give --key, or set MARKETPLACE_KEY", zh: "请指定 --key，或设置 MARKETPLACE_KEY" };
        throw new CliError(EXIT.usage, text);
      }
      const selfTest = await selfTestOf(marketplace);
      const results = await selfTest.run(
        { url, key },
        {
          versions: chosen("--version", version, selfTest.versions),
          modes: chosen("--mode", mode, selfTest.modes),
        },
      );
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

/** The cases of a marketplace: loaded when needed, so that the other commands start as fast as they can. */
async function selfTestOf(name: string | undefined): Promise<SelfTest> {
  const { marketplaceNames, marketplaceOf } = await import("@quarterpast/marketplace");
  const names = marketplaceNames().filter((one) => marketplaceOf(one).selfTest !== undefined);
  return marketplaceOf(chosen("--marketplace", name, names)[0]!).selfTest!;
}

/** The one that was chosen, or all. */
function chosen(option: string, value: string | undefined, all: readonly string[]): readonly string[] {
  if (value === undefined || all.includes(value)) return value === undefined ? all : [value];
  throw new CliError(EXIT.usage, {
    en: `${option} ${value}: expected one of ${all.join(", ")}`,
    zh: `${option} ${value}：应为 ${all.join("、")} 之一`,
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
