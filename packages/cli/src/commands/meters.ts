import type { ItemOf } from "@quarterpast/contract";
import { AGGREGATIONS } from "@quarterpast/domain";
import type { Command } from "commander";
import { choice, onStack, openApi, wholeNumber, type StackFlags } from "../command.js";
import { say } from "../lang.js";
import { print, printJson, printList, type Column } from "../output.js";

type Meter = ItemOf<"listMeters">;

interface AddFlags extends StackFlags {
  aggregation: Meter["aggregation"];
  unit?: string;
  scale?: number;
}

const COLUMNS: readonly Column<Meter>[] = [
  { title: { en: "CODE", zh: "代码" }, cell: (meter) => meter.code },
  { title: { en: "AGGREGATION", zh: "汇总方式" }, cell: (meter) => meter.aggregation },
  { title: { en: "UNIT", zh: "单位" }, cell: (meter) => meter.unit },
  { title: { en: "SCALE", zh: "小数位" }, cell: (meter) => String(meter.scale), align: "right" },
];

/** `quarterpast meters`: what is counted, and how. */
export function register(program: Command): void {
  const meters = program.command("meters").description(say({ en: "what is counted, and how", zh: "计量项" }));

  onStack(meters.command("add <code>"))
    .description(
      say({
        en: "add a meter; afterwards it never changes, except that it may get more decimals",
        zh: "添加计量项；添加后除增加小数位外不可更改",
      }),
    )
    .addOption(
      choice(
        "--aggregation <how>",
        { en: "how the events of an hour become its quantity", zh: "每小时事件的汇总方式" },
        AGGREGATIONS,
      ).makeOptionMandatory(),
    )
    .option("--unit <unit>", say({ en: "unit of the quantity", zh: "用量单位" }))
    .option(
      "--scale <digits>",
      say({ en: "decimals a quantity may have", zh: "用量允许的小数位数" }),
      wholeNumber(0, 12),
    )
    .action(async (code: string, { dataDir, json, ...values }: AddFlags) => {
      const api = await openApi({ dataDir });
      const meter = await api.addMeter({ body: { code, ...values } });
      if (json) return printJson(meter);
      const { aggregation, unit, scale } = meter;
      print(
        say({
          en: `meter ${code}: ${aggregation}, unit ${unit}, up to ${scale} decimals`,
          zh: `计量项 ${code}：${aggregation}，单位 ${unit}，至多 ${scale} 位小数`,
        }),
      );
    });

  onStack(meters.command("rescale <code>"))
    .description(
      say({
        en: "give a meter more decimals; events that waited for this are then counted",
        zh: "增加计量项的小数位；因精度等待的事件随后计入",
      }),
    )
    .requiredOption(
      "--scale <digits>",
      say({ en: "decimals a quantity may have", zh: "用量允许的小数位数" }),
      wholeNumber(0, 12),
    )
    .action(async (code: string, { scale, ...flags }: StackFlags & { scale: number }) => {
      const meter = await (await openApi(flags)).rescaleMeter({ params: { code }, body: { scale } });
      if (flags.json) return printJson(meter);
      print(
        say({
          en: `meter ${code} accepts up to ${meter.scale} decimals from now on`,
          zh: `计量项 ${code} 今后至多 ${meter.scale} 位小数`,
        }),
      );
    });

  onStack(meters.command("list"))
    .description(say({ en: "list the meters", zh: "列出计量项" }))
    .action(async (flags: StackFlags) => {
      const { items } = await (await openApi(flags)).listMeters();
      const empty = {
        en: "no meters yet: quarterpast meters add",
        zh: "尚无计量项：请用 quarterpast meters add 添加",
      };
      printList(items, { json: flags.json, columns: COLUMNS, empty });
    });
}
