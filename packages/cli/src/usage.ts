import { Help, type Command } from "commander";
import { say, type Text } from "./lang.js";

const TITLES: Record<string, string> = {
  "Usage:": "用法：",
  "Arguments:": "参数：",
  "Options:": "选项：",
  "Global Options:": "全局选项：",
  "Commands:": "命令：",
};

/** Makes a program's help speak the language of this run; its commands take this over when they are added. */
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
 * Looks for needed options after unknown ones were looked for: commander does it the other way round, and would tell a
 * mistyped option as missing.
 */
export function tellTyposFirst(command: Command): void {
  for (const option of command.options.filter(({ mandatory }) => mandatory)) {
    option.mandatory = false;
    command.hook("preAction", (acting) => {
      if (acting.getOptionValue(option.attributeName()) !== undefined) return;
      acting.error(`error: required option '${option.flags}' not specified`);
    });
  }
  command.commands.forEach(tellTyposFirst);
}

/** What commander says of wrong arguments, and the same in Chinese. */
const SENTENCES: readonly (readonly [RegExp, string])[] = [
  [/^unknown option '(.+?)'/, "未知选项 '$1'"],
  [/^unknown command '(.+?)'/, "未知命令 '$1'"],
  [/^missing required argument '(.+?)'/, "缺少参数 '$1'"],
  [/^option '(.+?)' argument missing/, "选项 '$1' 缺少值"],
  [/^required option '(.+?)' not specified/, "必须指定选项 '$1'"],
  [/^option '(.+?)' argument '(.*?)' is invalid\. ?/, "选项 '$1' 的值 '$2' 无效。"],
  [/^command-argument value '(.*?)' is invalid for argument '(.+?)'\. ?/, "参数 '$2' 的值 '$1' 无效。"],
  [/^option '(.+?)' cannot be used with option '(.+?)'/, "选项 '$1' 不能与 '$2' 同时使用"],
  [/^too many arguments.*Expected (\d+) arguments? but got (\d+).*/, "参数过多：应为 $1 个，实际为 $2 个"],
  [/Allowed choices are (.+)\.$/, "可选值：$1。"],
  [/\(Did you mean (?:one of )?(.+)\?\)$/, "（是否想输入 $1？）"],
];

/** A message of commander as one line, in both languages. */
export function usageText(message: string): Text {
  const en = message
    .replace(/^error: /, "")
    .replace(/\s*\n\s*/g, " ")
    .trim();
  return { en, zh: SENTENCES.reduce((text, [pattern, chinese]) => text.replace(pattern, chinese), en) };
}
