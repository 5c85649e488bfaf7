import { createRequire } from "node:module";
import { ApiError } from "@quarterpast/contract";
import { StackError } from "@quarterpast/stack/find";
import { Command, CommanderError } from "commander";
import { register as accounts } from "./commands/accounts.js";
import { register as bills } from "./commands/bills.js";
import { register as cases } from "./commands/cases.js";
import { register as doctor } from "./commands/doctor.js";
import { register as exportRecords } from "./commands/export.js";
import { register as findings } from "./commands/findings.js";
import { register as hours } from "./commands/hours.js";
import { register as importFile } from "./commands/import.js";
import { register as instances } from "./commands/instances.js";
import { register as keys } from "./commands/keys.js";
import { register as meters } from "./commands/meters.js";
import { register as migrate } from "./commands/migrate.js";
import { register as calls } from "./commands/calls.js";
import { register as products } from "./commands/products.js";
import { register as prices } from "./commands/prices.js";
import { register as prove } from "./commands/prove.js";
import { register as quarantine } from "./commands/quarantine.js";
import { register as rebuild } from "./commands/rebuild.js";
import { register as reconcile } from "./commands/reconcile.js";
import { register as records } from "./commands/records.js";
import { register as restoreHours } from "./commands/restoreHours.js";
import { register as selftest } from "./commands/selftest.js";
import { register as sources } from "./commands/sources.js";
import { register as up } from "./commands/up.js";
import { register as verify } from "./commands/verify.js";
import { CliError, EXIT, type ExitCode } from "./exit.js";
import { cliErrorOf } from "./failure.js";
import { say, speak, takeLanguage, terminalLanguage, type Text } from "./lang.js";
import { STACK_EXITS } from "./stackErrors.js";
import { speakHelp, tellTyposFirst, usageText } from "./usage.js";

const GROUPS = [
  up,
  importFile,
  accounts,
  meters,
  instances,
  products,
  calls,
  selftest,
  sources,
  keys,
  hours,
  records,
  reconcile,
  findings,
  bills,
  prices,
  cases,
  quarantine,
  verify,
  prove,
  rebuild,
  exportRecords,
  restoreHours,
  doctor,
  migrate,
];

function createProgram(): Command {
  const { version } = createRequire(import.meta.url)("../package.json") as { version: string };
  const program = speakHelp(new Command("quarterpast"))
    .description(
      say({
        en: "Hourly usage billing for cloud marketplaces: usage in, accepted bill records out.",
        zh: "面向云市场的按小时用量计费：收集用量，上报话单。",
      }),
    )
    .version(version, "-V, --version", say({ en: "print the version", zh: "显示版本" }))
    .option("--lang <zh|en>", say({ en: "language of this command", zh: "本命令使用的语言" }))
    .exitOverride()
    .configureOutput({ outputError: () => {} });
  for (const register of GROUPS) register(program);
  tellTyposFirst(program);
  return program;
}

/** Runs one command; every error ends in one line and an exit code of the README's table. */
async function main(args: readonly string[], env: NodeJS.ProcessEnv): Promise<ExitCode | undefined> {
  const { asked, wrong, rest } = takeLanguage(args);
  speak(asked ?? terminalLanguage(env));
  try {
    if (wrong !== undefined) {
      const text = { en: `--lang ${wrong}: give zh or en`, zh: `--lang ${wrong}：应为 zh 或 en` };
      throw new CliError(EXIT.usage, text);
    }
    await createProgram().parseAsync(rest, { from: "user" });
    return undefined;
  } catch (error) {
    return fail(error, env);
  }
}

function fail(thrown: unknown, env: NodeJS.ProcessEnv): ExitCode {
  const error = thrown instanceof ApiError ? cliErrorOf(thrown) : thrown;
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return EXIT.ok;
    // Without a command, commander has printed the help already.
    if (error.code !== "commander.help") tell(usageText(error));
    return EXIT.usage;
  }
  if (env.QUARTERPAST_DEBUG === "1") console.error(error);
  else if (error instanceof CliError || error instanceof StackError) tell(error.text);
  else tell(unexpected(error));
  if (error instanceof StackError) return STACK_EXITS[error.code];
  return error instanceof CliError ? error.exitCode : EXIT.failed;
}

function unexpected(error: unknown): Text {
  const { message, code } = error as { message?: string; code?: string };
  const what = (message || code || String(error)).replace(/\s*\n\s*/g, " ");
  return {
    en: `an internal error: ${what} (QUARTERPAST_DEBUG=1 shows where)`,
    zh: `内部错误：${what}（设置 QUARTERPAST_DEBUG=1 可查看位置）`,
  };
}

function tell(text: Text): void {
  process.stderr.write(`quarterpast: ${say(text)}\n`);
}

// A reader that has seen enough (`… | head`) is not an error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(EXIT.ok);
  throw error;
});

// Errors that nothing could catch end like all others.
process.on("uncaughtException", (error) => process.exit(fail(error, process.env)));

const code = await main(process.argv.slice(2), process.env);
if (code !== undefined) process.exitCode = code;
