import type { ItemOf } from "@quarterpast/contract";
import type { Command } from "commander";
import { choice, onStack, openApi, readUpTo, wholeNumber, type StackFlags } from "../command.js";
import { say } from "../lang.js";
import { formatFields, print, printJson, printList, type Column } from "../output.js";

type Instance = ItemOf<"listInstances">;

interface AddFlags extends StackFlags {
  product: string;
  meter: string;
  subject: string;
  opened: string;
  cycle?: Instance["cycle"];
}

const open = () => say({ en: "open", zh: "使用中" });

const COLUMNS: readonly Column<Instance>[] = [
  { title: { en: "INSTANCE", zh: "实例" }, cell: (one) => one.instanceId },
  { title: { en: "PRODUCT", zh: "产品" }, cell: (one) => one.product },
  { title: { en: "METER", zh: "计量项" }, cell: (one) => one.meter },
  { title: { en: "SUBJECT", zh: "主体" }, cell: (one) => one.subject },
  { title: { en: "CYCLE", zh: "周期" }, cell: (one) => one.cycle },
  { title: { en: "OPENED", zh: "开通时间" }, cell: (one) => one.opened },
  { title: { en: "CLOSED", zh: "关闭时间" }, cell: (one) => one.closed ?? open() },
];

/** `quarterpast instances`: what customers bought, and from when to when it is billed. */
export function register(program: Command): void {
  const instances = program
    .command("instances")
    .description(say({ en: "what customers bought, and when it lives", zh: "客户购买的实例及其生命周期" }));
  registerAdd(instances);
  registerList(instances);
  registerShow(instances);
  registerClose(instances);
}

function registerAdd(instances: Command): void {
  onStack(instances.command("add <instance-id>"))
    .description(
      say({
        en: "add an instance; lives of one subject and meter may not overlap",
        zh: "添加实例；同一主体与计量项的生命周期不得重叠",
      }),
    )
    .requiredOption("--product <product>", say({ en: "product it is of", zh: "所属产品" }))
    .requiredOption("--meter <code>", say({ en: "meter that counts its usage", zh: "计量其用量的计量项" }))
    .requiredOption(
      "--subject <subject>",
      say({ en: "subject its usage events name", zh: "用量事件中的主体" }),
    )
    .requiredOption(
      "--opened <time>",
      say({ en: "when its life begins, with a zone", zh: "开通时间（带时区）" }),
    )
    .addOption(
      choice("--cycle <cycle>", { en: "how often it is billed", zh: "计费周期" }, ["hourly", "daily"]),
    )
    .action(async (instanceId: string, { dataDir, json, ...values }: AddFlags) => {
      const api = await openApi({ dataDir });
      show(await api.addInstance({ body: { instanceId, ...values } }), json);
    });
}

function registerList(instances: Command): void {
  onStack(instances.command("list"))
    .description(say({ en: "list instances by id", zh: "按编号列出实例" }))
    .option("--limit <n>", say({ en: "at most this many", zh: "最多条数" }), wholeNumber(1, 1_000_000), 1_000)
    .action(async (flags: StackFlags & { limit: number }) => {
      const api = await openApi(flags);
      const items = await readUpTo(flags.limit, (query) => api.listInstances({ query }));
      const empty = {
        en: "no instances yet: quarterpast instances add",
        zh: "尚无实例：请用 quarterpast instances add 添加",
      };
      printList(items, { json: flags.json, columns: COLUMNS, empty });
    });
}

function registerShow(instances: Command): void {
  onStack(instances.command("show <instance-id>"))
    .description(say({ en: "show one instance", zh: "查看一个实例" }))
    .action(async (id: string, flags: StackFlags) => {
      show(await (await openApi(flags)).readInstance({ params: { id } }), flags.json);
    });
}

function registerClose(instances: Command): void {
  onStack(instances.command("close <instance-id>"))
    .description(say({ en: "end an instance's life, once", zh: "关闭实例（仅一次）" }))
    .option("--closed <time>", say({ en: "when it ends (default: now)", zh: "关闭时间（默认：当前时间）" }))
    .action(async (id: string, { closed, ...flags }: StackFlags & { closed?: string }) => {
      const api = await openApi(flags);
      show(await api.closeInstance({ params: { id }, body: { closed } }), flags.json);
    });
}

function show(instance: Instance, json: boolean | undefined): void {
  if (json) return printJson(instance);
  print(formatFields(COLUMNS.map(({ title, cell }) => [title, cell(instance)])));
}
