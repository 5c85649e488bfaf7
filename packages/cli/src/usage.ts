import { Help, type Command, type CommanderError } from "commander";
import { say, type Text } from "./lang.js";

const TITLES: Record<string, string> = {
  "Usage:": "用法：",
  "Arguments:": "参数：",
  "Options:": "选项：",
  "Global Options:": "全局选项：",
  "Commands:": "命令：",
};

/** Makes a program's help use the language of this run; its commands inherit this when they are added. */
export function speakHelp(program: Command): Command {
  return program
    .configureHelp({
      styleTitle: (title) => say({ en: title, zh: TITLES[title] ?? title }),
      optionDescription(option) {
        const en = Help.prototype.optionDescription.call(this, option);
        const zh = en.replace("(choices: ", "(可选：").replace("(default: ", "(默认：");
        return say({ en, zh });
      },
    })
    .helpOption("-h, --help", say({ en: "show help", zh: "显示帮助" }))
    .helpCommand("help [command]", say({ en: "show help of a command", zh: "显示命令的帮助" }));
}

/**
 * Checks for missing options only after unknown ones: commander does it the other way round, and would report a
 * mistyped option as missing.
 */
export function tellTyposFirst(command: Command): void {
  for (const option of command.options.filter(({ mandatory }) => mandatory)) {
    option.mandatory = false;
    command.hook("preAction", (acting) => {
      if (acting.getOptionValue(option.attributeName()) !== undefined) return;
      acting.error(`error: required option '${option.flags}' not specified`, {
        code: "commander.missingMandatoryOptionValue",
      });
    });
  }
  command.commands.forEach(tellTyposFirst);
}

/** Chinese sentences by commander's codes; `{0}`, `{1}` are what its English quotes or counts, in that order. */
const CHINESE: Readonly<Record<string, string>> = {
  "commander.unknownOption": "未知选项 '{0}'",
  "commander.unknownCommand": "未知命令 '{0}'",
  "commander.missingArgument": "缺少参数 '{0}'",
  "commander.optionMissingArgument": "选项 '{0}' 缺少值",
  "commander.missingMandatoryOptionValue": "必须指定选项 '{0}'",
  "commander.conflictingOption": "选项 '{0}' 不能与 '{1}' 同时使用",
  "commander.excessArguments": "参数过多：应为 {0} 个，实际为 {1} 个",
  "commander.invalidArgument": "选项 '{0}' 的值 '{1}' 无效。",
};

/** What commander appends without its own code: the choices of an option, a name that may be meant. */
const TAILS: readonly (readonly [RegExp, string])[] = [
  [/^Allowed choices are (.+)\.$/, "可选值：$1。"],
  [/^\(Did you mean (?:one of )?(.+)\?\)$/, "（是否想输入 $1？）"],
];

/** An error of commander as one line, in both languages. */
export function usageText({ code, message }: Pick<CommanderError, "code" | "message">): Text {
  const told = message.replace(/^error: /, "").trim();
  const en = told.replace(/\s*\n\s*/g, " ");
  // The values of options and of arguments share one code, but are quoted in the opposite order.
  const isArgument = told.startsWith("command-argument");
  const sentence = isArgument ? "参数 '{1}' 的值 '{0}' 无效。" : CHINESE[code];
  if (sentence === undefined) return { en, zh: en };
  const parts = code === "commander.excessArguments" ? /\b(\d+)\b/g : /'([^']*)'/g;
  const quoted = Array.from(told.matchAll(parts), ([, part]) => part!);
  const tail = /(?:\n|is invalid(?: for argument '[^']*')?\. ?)([^]*)$/.exec(told)?.[1]?.trim() ?? "";
  const zhTail = TAILS.reduce((text, [pattern, chinese]) => text.replace(pattern, chinese), tail);
  return { en, zh: sentence.replace(/\{(\d)\}/g, (_, at: string) => quoted[Number(at)] ?? "") + zhTail };
}
