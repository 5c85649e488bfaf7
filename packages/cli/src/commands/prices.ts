import { readAll, type ItemOf } from "@quarterpast/contract";
import { PRICE_MODELS, PRICE_PERIODS, type RevenueBy } from "@quarterpast/domain";
import type { Command } from "commander";
import { choice, onStack, openApi, readUpTo, wholeNumber, type StackFlags } from "../command.js";
import { CliError, EXIT } from "../exit.js";
import { say } from "../lang.js";
import { note, print, printJson, printList, type Column } from "../output.js";

type Plan = ItemOf<"listPrices">;
type Band = Plan["bands"][number];
type Revenue = ItemOf<"readRevenue">;

const bandsText = (bands: readonly Band[]) =>
  bands.map(({ upTo, unitPrice }) => (upTo === null ? unitPrice : `≤${upTo}:${unitPrice}`)).join(" ");

const COLUMNS: readonly Column<Plan>[] = [
  { title: { en: "PRODUCT", zh: "产品" }, cell: (plan) => plan.product },
  { title: { en: "METER", zh: "计量项" }, cell: (plan) => plan.meter },
  { title: { en: "VALID FROM", zh: "生效时间" }, cell: (plan) => plan.validFrom },
  { title: { en: "MODEL", zh: "价格模式" }, cell: (plan) => plan.model },
  { title: { en: "PERIOD", zh: "累计周期" }, cell: (plan) => plan.period },
  { title: { en: "FREE", zh: "免费量" }, cell: (plan) => plan.free, align: "right" },
  { title: { en: "CURRENCY", zh: "货币" }, cell: (plan) => plan.currency },
  { title: { en: "PRICE OF A UNIT", zh: "单价" }, cell: ({ bands }) => bandsText(bands) },
];

const REVENUE: readonly Column<Revenue>[] = [
  { title: { en: "OF", zh: "对象" }, cell: ({ key }) => key },
  { title: { en: "RECORDS", zh: "话单数" }, cell: ({ records }) => String(records), align: "right" },
  { title: { en: "QUANTITY", zh: "用量" }, cell: ({ quantity }) => quantity ?? "-", align: "right" },
  { title: { en: "UNIT", zh: "单位" }, cell: ({ unit }) => unit ?? say({ en: "several", zh: "多种" }) },
  { title: { en: "EXPECTED", zh: "预期收入" }, cell: ({ expected }) => expected ?? "-", align: "right" },
  { title: { en: "BILLED", zh: "已出账" }, cell: ({ billed }) => billed ?? "-", align: "right" },
  { title: { en: "MARKETPLACE'S BILL", zh: "云市场账单" }, cell: ({ bill }) => bill ?? "-", align: "right" },
  { title: { en: "CURRENCY", zh: "货币" }, cell: ({ currency }) => currency ?? "-" },
];

/** `quarterpast prices`, `quarterpast revenue`: what usage costs, and the expected revenue of a month. */
export function register(program: Command): void {
  const prices = program
    .command("prices")
    .description(say({ en: "what usage costs, and since when", zh: "价格方案" }));
  registerAdd(prices);
  registerList(prices);
  registerRevenue(program);
}

interface AddFlags extends StackFlags {
  product: string;
  meter: string;
  from: string;
  model: Plan["model"];
  currency: string;
  price: string;
  period?: Plan["period"];
  free?: string;
}

function registerAdd(prices: Command): void {
  onStack(prices.command("add"))
    .description(
      say({
        en: "add a price plan; it applies from a time on and is never edited: a newer one supersedes it",
        zh: "添加价格方案；自生效时间起有效，不可修改，只能由新方案取代",
      }),
    )
    .requiredOption("--product <id>", say({ en: "product of the instances", zh: "实例所属产品" }))
    .requiredOption("--meter <code>", say({ en: "what is counted", zh: "计量项" }))
    .requiredOption("--from <time>", say({ en: "valid from this time on", zh: "生效时间" }))
    .addOption(
      choice(
        "--model <model>",
        { en: "how the price follows from usage", zh: "价格模式" },
        PRICE_MODELS,
      ).makeOptionMandatory(),
    )
    .requiredOption("--currency <code>", say({ en: "such as CNY", zh: "例如 CNY" }))
    .requiredOption(
      "--price <bands>",
      say({
        en: "unit price; bands as 3:0.3,0.2 (up to 3 at 0.3, above at 0.2)",
        zh: "单价；分段写作 3:0.3,0.2（3 以内 0.3，超出 0.2）",
      }),
    )
    .addOption(
      choice(
        "--period <period>",
        { en: "what usage accumulates over (default: month)", zh: "累计周期（默认 month）" },
        PRICE_PERIODS,
      ),
    )
    .option("--free <quantity>", say({ en: "free in each period", zh: "每周期免费量" }))
    .action(async ({ dataDir, json, price, from, ...values }: AddFlags) => {
      const bands = readBands(price);
      const api = await openApi({ dataDir });
      const plan = await api.addPrice({ body: { ...values, validFrom: from, bands } });
      if (json) return printJson(plan);
      print(
        say({
          en: `price of ${plan.product} ${plan.meter} from ${plan.validFrom}: ${plan.model} ${bandsText(plan.bands)} ${plan.currency}`,
          zh: `${plan.product} ${plan.meter} 自 ${plan.validFrom} 起的价格：${plan.model} ${bandsText(plan.bands)} ${plan.currency}`,
        }),
      );
    });
}

function readBands(text: string): Band[] {
  const bands = text.split(",").map((band): Band => {
    const [first, second] = band.split(":").map((part) => part.trim());
    return second === undefined ? { upTo: null, unitPrice: first! } : { upTo: first!, unitPrice: second };
  });
  const isNumber = (part: string | null) => part === null || /^\d+(\.\d+)?$/.test(part);
  if (bands.every(({ upTo, unitPrice }) => isNumber(upTo) && isNumber(unitPrice))) return bands;
  throw new CliError(EXIT.usage, {
    en: `--price ${text}: give a price such as 0.2, or bands such as 3:0.3,0.2`,
    zh: `--price ${text}：应为单价（例如 0.2）或分段（例如 3:0.3,0.2）`,
  });
}

function registerList(prices: Command): void {
  onStack(prices.command("list"))
    .description(say({ en: "list the price plans", zh: "列出价格方案" }))
    .option("--product <id>", say({ en: "of this product", zh: "指定产品" }))
    .action(async ({ product, ...flags }: StackFlags & { product?: string }) => {
      const api = await openApi(flags);
      const items = await readAll((cursor) => api.listPrices({ query: { product, cursor } }));
      const empty = {
        en: "no price plans yet: quarterpast prices add",
        zh: "尚无价格方案：请用 quarterpast prices add 添加",
      };
      printList(items, { json: flags.json, columns: COLUMNS, empty });
    });
}

type RevenueFlags = StackFlags & {
  month: string;
  by?: RevenueBy;
  product?: string;
  instance?: string;
  customer?: string;
  limit: number;
};

function registerRevenue(program: Command): void {
  onStack(program.command("revenue"))
    .description(
      say({
        en: "the expected revenue of a month, compared with the marketplace's bills",
        zh: "月度预期收入，以及云市场账单金额",
      }),
    )
    .requiredOption("--month <YYYY-MM>", say({ en: "in days of the marketplace", zh: "按云市场的日期" }))
    .addOption(
      choice("--by <what>", { en: "summed by (default: product)", zh: "汇总方式（默认 product）" }, [
        "product",
        "instance",
        "subject",
        "record",
      ]),
    )
    .option(
      "--limit <n>",
      say({ en: "at most this many rows", zh: "最多行数" }),
      wholeNumber(1, 1_000_000),
      100,
    )
    .option("--product <product>", say({ en: "of this product", zh: "指定产品" }))
    .option("--instance <id>", say({ en: "of this instance", zh: "指定实例" }))
    .option("--customer <subject>", say({ en: "of this customer's subject", zh: "指定客户主体" }))
    .action(async ({ dataDir, json, limit, customer: subject, ...asked }: RevenueFlags) => {
      const api = await openApi({ dataDir });
      const items = await readUpTo(limit, (page) =>
        api.readRevenue({ query: { ...asked, subject, ...page } }),
      );
      const empty = { en: "no records of that month", zh: "该月没有话单" };
      printList(items, { json, columns: REVENUE, empty });
      const unpriced = items.reduce((sum, row) => sum + row.unpriced, 0);
      if (unpriced > 0) {
        note({
          en: `${unpriced} records have no price: quarterpast prices add`,
          zh: `${unpriced} 条话单没有价格：请用 quarterpast prices add 添加`,
        });
      }
    });
}
