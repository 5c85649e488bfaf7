import type { AnswerOf } from "@quarterpast/contract";
import type { Command } from "commander";
import { onStack, openApi, type StackFlags } from "../command.js";
import { EXIT } from "../exit.js";
import { say } from "../lang.js";
import { isOfSeveral, print, printJson } from "../output.js";

type Report = AnswerOf<"examine">;

/** `quarterpast doctor`: whether all is well, and what to do if not. Exit 1 if something is wrong. */
export function register(program: Command): void {
  onStack(program.command("doctor"))
    .description(say({ en: "check everything and say what to do", zh: "全面检查并给出处理建议" }))
    .action(async (flags: StackFlags) => {
      const report = await (await openApi(flags)).examine();
      if (flags.json) printJson(report);
      else printReport(report);
      if (!report.ok) process.exitCode = EXIT.failed;
    });
}

function printReport({ checks }: Report): void {
  const names = isOfSeveral(checks);
  for (const { ok, account, title, found, advice } of checks) {
    const whose = names && account !== null ? `${account}  ` : "";
    print(`${ok ? "✓" : "✗"} ${whose}${say(title)}: ${say(found)}`);
    if (advice) print(`  → ${say(advice)}`);
  }
  const wrong = checks.filter((check) => !check.ok).length;
  print(
    wrong === 0
      ? say({ en: "all is well", zh: "一切正常" })
      : say({
          en: `${wrong} of ${checks.length} need attention`,
          zh: `${checks.length} 项中有 ${wrong} 项需要处理`,
        }),
  );
}
