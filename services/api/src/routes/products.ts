import type { z } from "zod";
import { API } from "@quarterpast/contract";
import { addProduct, listProducts, type AddedProduct, type Product } from "@quarterpast/store";
import { refusal } from "../refuse.js";
import type { RouteDeps } from "../deps.js";
import { serveList } from "../list.js";
import { serve, type Routes } from "../serve.js";
import { unknownMeter } from "./instances.js";

type AskedProduct = z.output<(typeof API)["addProduct"]["body"]>;

/** `/v1/products`: what is sold under each product id of the marketplace, and which meter it counts. */
export function addProducts(routes: Routes, { pool, clock, account: { accountNo, code } }: RouteDeps): void {
  const toApi = (product: Product) => ({ account: code, ...product });

  serveList(routes, API.listProducts, {
    read: ({ after = "", limit }) => listProducts(pool, accountNo, after, limit),
    toApi,
    cursorOf: ({ productId }) => productId,
  });

  serve(routes, API.addProduct, async ({ body }, reply) => {
    const added = await addProduct(pool, accountNo, productOf(body), clock.now());
    return reply.code(added.outcome === "created" ? 201 : 200).send(toApi(resultOf(added)));
  });
}

function productOf({ productId, mode, ...given }: AskedProduct): Product {
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
        en: `Product ${productId} exists with other terms (${mode}${meter ? `, ${meter}` : ""}), and those never change`,
        zh: `产品 ${productId} 已存在且内容不同（${mode}${meter ? `，${meter}` : ""}），不可更改`,
      });
    }
  }
}
