import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { renderDialTests } from "./dialPage.js";
import { addDialTests, type DialRoutes } from "./dialRoutes.js";
import { CHARGING_MODES, type ShopOrder } from "./orders.js";
import { renderShop } from "./page.js";
import { lineOf, SHOP_ACTIONS, type Shop } from "./shop.js";
import { isSigned, SANDBOX_AK } from "../rules/akSk.js";

const QUERY_PATH = "/api/mkp-openapi-public/global/v1/order/query";

const id = z
  .string()
  .trim()
  .regex(/^[\x21-\x7e]{1,64}$/);
const purchaseSchema = z.object({
  product: id,
  mode: z.enum(CHARGING_MODES).default("ON_DEMAND"),
  customer: id,
  days: z.preprocess(
    (given) => (given === "" ? undefined : given),
    z.coerce.number().int().min(1).max(3_650).optional(),
  ),
});
const actionSchema = z.object({ orderId: id, action: z.enum(SHOP_ACTIONS) });

export type ShopRoutes = DialRoutes & {
  shop: Shop;
  key: string;
  realNow: () => number;
  site: "cn" | "intl";
};

const HIDDEN = { error: "the product is hidden: its dial tests failed on five days on end" };

/** Adds the order query, the shop as JSON, and its page for a person. */
export function addShop(app: FastifyInstance, parts: ShopRoutes): void {
  const { shop, dialTests, key, realNow, site } = parts;
  addDialTests(app, parts);
  app.addContentTypeParser(
    "application/x-www-form-urlencoded",
    { parseAs: "string" },
    (_request, body, done) => done(null, Object.fromEntries(new URLSearchParams(String(body)))),
  );

  app.get<{ Querystring: { orderId?: string; orderLineId?: string } }>(QUERY_PATH, (request, reply) => {
    const { method, headers, query } = request;
    const signed = { method, headers, url: request.raw.url!, body: Buffer.alloc(0) };
    if (!isSigned(signed, { ak: SANDBOX_AK, sk: key }, realNow())) {
      return reply.code(401).send({ error_code: "MKT.0154", error_msg: "Illegal token" });
    }
    const order = shop.orders.find(query.orderId ?? "");
    if (!order || (query.orderLineId !== undefined && query.orderLineId !== lineOf(order))) {
      return reply.code(500).send({ error_code: "MKT.0100", error_msg: "Failure of input parameter" });
    }
    return { resultCode: "MKT.0000", resultMsg: "Success", orderInfo: orderInfo(order) };
  });

  app.get("/sandbox/orders", () => ({ orders: shop.orders.all() }));
  app.post("/sandbox/orders", ({ body }, reply) =>
    dialTests.isHidden() ? reply.code(409).send(HIDDEN) : shop.buy(readPurchase(body)),
  );
  app.post<{ Params: { orderId: string; action: string } }>(
    "/sandbox/orders/:orderId/:action",
    async ({ params }, reply) => {
      const { orderId, action } = actionSchema.parse(params);
      const order = await shop.act(orderId, action);
      return order ?? reply.code(404).send({ error: `no order ${orderId}` });
    },
  );

  app.get<{ Querystring: { lang?: string } }>("/shop", ({ query }, reply) => {
    const lang = query.lang === "zh" || query.lang === "en" ? query.lang : site === "cn" ? "zh" : "en";
    return reply
      .headers({
        "content-security-policy":
          "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'self'",
        "x-content-type-options": "nosniff",
      })
      .type("text/html; charset=utf-8")
      .send(renderShop(lang, shop.orders.all().toReversed(), renderDialTests(lang, dialTests)));
  });
  app.post<{ Querystring: { lang?: string } }>("/shop", async (request, reply) => {
    // A form on a foreign page may not buy here.
    if (request.headers["sec-fetch-site"] === "cross-site")
      return reply.code(403).send({ error: "cross-site" });
    const fields = request.body as Record<string, unknown>;
    if ("action" in fields) {
      const { orderId, action } = actionSchema.parse(fields);
      await shop.act(orderId, action);
    } else if (dialTests.isHidden()) return reply.code(409).send(HIDDEN);
    else await shop.buy(readPurchase(fields));
    return reply.redirect(`/shop?lang=${request.query.lang === "en" ? "en" : "zh"}`, 303);
  });
}

function readPurchase(body: unknown) {
  const { days, ...rest } = purchaseSchema.parse(body);
  return { ...rest, days };
}

/** Like a real reply, including its nulls (specification 4.2). */
function orderInfo(order: ShopOrder) {
  const digits = (iso: string) => iso.replace(/\D/g, "").slice(0, 14);
  return {
    orderId: order.orderId,
    orderType: "NEW",
    createTime: digits(order.ordered),
    orderLine: [
      {
        orderLineId: lineOf(order),
        chargingMode: order.mode,
        periodType: order.expires === null ? null : "day",
        periodNumber: null,
        expireTime: order.expires === null ? null : digits(order.expires),
        productInfo: [
          { productId: order.product, skuCode: "sandbox", linearValue: 1, productName: order.product },
        ],
        extendParams: [],
        currency: "100",
        currencyAfterDiscount: "100",
      },
    ],
    buyerInfo: {
      mobilePhone: null,
      email: null,
      customerId: order.customer,
      customerName: order.customer,
      customerRealName: null,
      customerType: 0,
      userId: null,
      userName: null,
    },
    extendParams: [],
  };
}
