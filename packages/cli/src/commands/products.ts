import { readAll, type ItemOf } from "@quarterpast/contract";
import { RESET_RULES, SELLING_MODES } from "@quarterpast/domain";
import { InvalidArgumentError, type Command } from "commander";
import { choice, onStack, openApi, wholeNumber, type StackFlags } from "../command.js";
import { say } from "../lang.js";
import { print, printJson, printList, type Column } from "../output.js";

type Product = ItemOf<"listProducts">;
type Content = Product["contents"][number];

interface AddFlags extends StackFlags {
  mode: Product["mode"];
  content?: Content[];
}

const COLUMNS: readonly Column<Product>[] = [
  { title: { en: "PRODUCT", zh: "产品" }, cell: (product) => product.productId },
  { title: { en: "MODE", zh: "销售模式" }, cell: (product) => product.mode },
  { title: { en: "COUNTS", zh: "计量" }, cell: counts },
  { title: { en: "CYCLE", zh: "计费周期" }, cell: (product) => product.cycle },
  { title: { en: "FRONT END", zh: "前台地址" }, cell: (product) => product.frontEndUrl ?? "-" },
];

/** `quarterpast products`: what is sold, and which meter it counts. */
export function register(program: Command): void {
  const products = program
    .command("products")
    .description(say({ en: "what is sold, and which meter it counts", zh: "所售产品及其计量项" }));

  onStack(products.command("add <product-id>"))
    .description(
      say({
        en: "add a product; subscriptions that waited for it open at once",
        zh: "添加产品；此前已售出的实例随即开通",
      }),
    )
    .addOption(
      choice("--mode <mode>", { en: "how it is sold", zh: "销售模式" }, SELLING_MODES).makeOptionMandatory(),
    )
    .option(
      "--meter <code>",
      say({ en: "the meter of a pay_per_use product", zh: "pay_per_use 产品的计量项" }),
    )
    .option(
      "--content <meter=quota>",
      say({ en: "what a package holds; once for each meter", zh: "套餐包内容；每个计量项一次" }),
      readContent,
    )
    .addOption(choice("--cycle <cycle>", { en: "billing cycle", zh: "计费周期" }, ["hourly", "daily"]))
    .addOption(
      choice(
        "--reset-rule <rule>",
        { en: "when a package's quota is reset", zh: "套餐包额度重置规则" },
        RESET_RULES,
      ),
    )
    .option(
      "--deduction-order <number>",
      say({ en: "packages are used up lowest first", zh: "套餐包扣减顺序，小者优先" }),
      wholeNumber(0, 1_000),
    )
    .option("--front-end-url <url>", say({ en: "where customers use it", zh: "前台地址" }))
    .option("--admin-url <url>", say({ en: "where customers manage it", zh: "管理地址" }))
    .option("--dashboard-url <url>", say({ en: "where customers see their usage", zh: "用量看板地址" }))
    .action(async (productId: string, { dataDir, json, content, ...values }: AddFlags) => {
      const api = await openApi({ dataDir });
      const body = { productId, ...values, ...(content && { contents: content }) };
      const product = await api.addProduct({ body });
      if (json) return printJson(product);
      print(
        say({
          en: `product ${productId}: ${product.mode}, counts ${counts(product)}`,
          zh: `产品 ${productId}：${product.mode}，计量 ${counts(product)}`,
        }),
      );
    });

  onStack(products.command("list"))
    .description(say({ en: "list the products", zh: "列出产品" }))
    .action(async (flags: StackFlags) => {
      const api = await openApi(flags);
      const items = await readAll((cursor) => api.listProducts({ query: { cursor } }));
      const empty = {
        en: "no products yet: quarterpast products add",
        zh: "尚无产品：请用 quarterpast products add 添加",
      };
      printList(items, { json: flags.json, columns: COLUMNS, empty });
    });
}

function counts({ meter, contents }: Product): string {
  const held = contents.map((item) => `${item.quota} ${item.meter}`).join(" + ");
  return meter ?? (held || "-");
}

function readContent(text: string, before: Content[] = []): Content[] {
  const [, meter, quota] = /^(.+)=(\d+(?:\.\d+)?)$/.exec(text) ?? [];
  if (meter !== undefined && quota !== undefined) return [...before, { meter, quota }];
  const right = { en: "It must be <meter>=<quota>.", zh: "应为 <计量项>=<额度>。" };
  throw new InvalidArgumentError(say(right));
}
