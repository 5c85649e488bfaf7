import type { ItemOf } from "@quarterpast/contract";
import type { Command } from "commander";
import { onStack, openApi, type StackFlags } from "../command.js";
import { say } from "../lang.js";
import { print, printJson, printList, type Column } from "../output.js";

type Source = ItemOf<"listSources">;

const expectations = ({ expected }: Source) =>
  expected
    .map(
      ({ meter, since }) =>
        `${meter ?? say({ en: "any meter", zh: "任一计量项" })} ${say({ en: "since", zh: "自" })} ${since}`,
    )
    .join("; ");

const COLUMNS: readonly Column<Source>[] = [
  { title: { en: "SOURCE", zh: "来源" }, cell: ({ source }) => source },
  { title: { en: "LAST HEARD (HOUR)", zh: "最近收到（小时）" }, cell: ({ lastHeard }) => lastHeard ?? "-" },
  { title: { en: "EXPECTED", zh: "预期" }, cell: (source) => expectations(source) || "-" },
];

/** `quarterpast sources`: who sends usage, and which sources every hour must hear from. */
export function register(program: Command): void {
  const sources = program.command("sources").description(
    say({
      en: "who sends usage, and who must be heard every hour",
      zh: "用量来源，以及每小时必须收到的来源",
    }),
  );

  onStack(sources.command("expect <source>"))
    .description(
      say({
        en: "from now on, an hour in which this source was not heard is incomplete",
        zh: "自此刻起，未收到该来源用量的小时视为不完整",
      }),
    )
    .option(
      "--meter <code>",
      say({ en: "this meter must be heard (default: any)", zh: "必须收到的计量项（默认任一）" }),
    )
    .action(async (source: string, { meter, ...flags }: StackFlags & { meter?: string }) => {
      const known = await (await openApi(flags)).expectSource({ body: { source, meter } });
      if (flags.json) return printJson(known);
      print(`${known.source}: ${expectations(known)}`);
    });

  onStack(sources.command("list"))
    .description(say({ en: "list the sources", zh: "列出来源" }))
    .action(async (flags: StackFlags) => {
      const { items } = await (await openApi(flags)).listSources();
      printList(items, {
        json: flags.json,
        columns: COLUMNS,
        empty: { en: "no sources yet", zh: "尚无来源" },
      });
    });
}
