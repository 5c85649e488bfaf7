import { parseQuantity, RESET_RULES, SELLING_MODES } from "@quarterpast/domain";
import { addProduct, listProducts, type AddedProduct, type Product } from "@quarterpast/store";
import { z } from "zod";
import * as fields from "../fields.js";
import { page } from "../present.js";
import { refusal } from "../refuse.js";
import type { RouteDeps } from "../server.js";
import { field, type Routes } from "../validate.js";
import { unknownMeter } from "./instances.js";

const oneOf = (words: readonly string[]) => ({
  en: `one of ${words.join(", ")}`,
  zh: `${words.join("、")} 之一`,
});
const address = () =>
  field(
    { en: "an http or https address of up to 512 characters", zh: "至多 512 个字符的 http 或 https 地址" },
    z
      .url({ protocol: /^https?$/ })
      .max(512)
      .optional(),
  );

const quota = z.union([z.string(), z.number()]).transform((raw, context) => {
  const quantity = parseQuantity(raw);
  if (quantity !== undefined && quantity !== "0") return quantity;
  context.issues.push({ code: "custom", input: raw });
  return z.NEVER;
});

const newProduct = z.strictObject({
  productId: field(fields.INSTANCE_ID, z.string().regex(/^[\x21-\x7e]{1,64}$/)),
  mode: field(oneOf(SELLING_MODES), z.enum(SELLING_MODES)),
  meter: fields.optionalMeterCode(),
  cycle: fields.cycle(),
  resetRule: field(oneOf(RESET_RULES), z.enum(RESET_RULES).optional()),
  deductionOrder: field(
    { en: "a whole number from 0 to 1000", zh: " 0 至 1000 的整数" },
    z.int().min(0).max(1_000).optional(),
  ),
  frontEndUrl: address(),
  adminUrl: address(),
  dashboardUrl: address(),
  contents: field(
    { en: "a list of {meter, quota}, each meter once", zh: "{meter, quota} 列表，每个计量项一次" },
    z
      .array(z.strictObject({ meter: fields.meterCode(), quota }))
      .max(30)
      .refine((items) => new Set(items.map(({ meter }) => meter)).size === items.length)
      .optional(),
  ),
});
const paging = z.strictObject({ cursor: fields.cursor(), limit: fields.limit(1_000, 100) });

/** `/v1/products`: what is sold under each product id of the marketplace, and which meter it counts. */
export function addProducts(routes: Routes, { pool, clock, account: { accountNo } }: RouteDeps): void {
  routes.get("/products", { schema: { querystring: paging } }, async ({ query: { cursor = "", limit } }) => {
    const read = await listProducts(pool, accountNo, cursor, limit + 1);
    return page(
      read,
      limit,
      (product) => product,
      (product) => product.productId,
    );
  });

  routes.post("/products", { schema: { body: newProduct } }, async ({ body }, reply) => {
    const added = await addProduct(pool, accountNo, productOf(body), clock.now());
    return reply.code(added.outcome === "created" ? 201 : 200).send(resultOf(added));
  });
}

function productOf({ productId, mode, ...given }: z.output<typeof newProduct>): Product {
  const { meter = null, contents = [] } = given;
  const isPackage = mode === "package" || mode === "stop_package";
  if ((mode === "pay_per_use") !== (meter !== null)) {
    throw refusal("field_invalid", {
      en: "meter: a pay_per_use product counts one meter, any other none (a package names its meters in contents)",
      zh: "meter：pay_per_use 产品须指定一个计量项，其他模式不可指定（套餐包在 contents 中列出计量项）",
    });
  }
  if (isPackage !== contents.length > 0) {
    throw refusal("field_invalid", {
      en: "contents: a package holds at least one meter with its quota, any other product none",
      zh: "contents：套餐包至少包含一个计量项及其额度，其他产品不可包含",
    });
  }
  return {
    ...{ productId, mode, meter, contents },
    cycle: given.cycle ?? "hourly",
    resetRule: given.resetRule ?? "none",
    deductionOrder: given.deductionOrder ?? 0,
    frontEndUrl: given.frontEndUrl ?? null,
    adminUrl: given.adminUrl ?? null,
    dashboardUrl: given.dashboardUrl ?? null,
  };
}

function resultOf(added: AddedProduct): Product {
  switch (added.outcome) {
    case "created":
    case "unchanged":
      return added.product;
    case "unknown_meter":
      throw unknownMeter(added.meter);
    case "exists_otherwise": {
      const { productId, mode, meter } = added.product;
      throw refusal("already_exists", {
        en: `Product ${productId} is there with other terms (${mode}${meter ? `, ${meter}` : ""}), and those never change`,
        zh: `产品 ${productId} 已存在且内容不同（${mode}${meter ? `，${meter}` : ""}），不可更改`,
      });
    }
  }
}
