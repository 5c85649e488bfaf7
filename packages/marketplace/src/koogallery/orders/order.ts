import type { Micros } from "@quarterpast/domain";
import { isObject } from "../../json.js";
import { parseDigits } from "../storefront/times.js";

/** How an order line is charged (koogallery.md 4.2). */
export const CHARGING_MODES = ["PERIOD", "ONE_TIME", "ON_DEMAND", "ON_DEMAND_PKG"] as const;
export type ChargingMode = (typeof CHARGING_MODES)[number];

export interface OrderedProduct {
  productId: string;
  skuCode: string | undefined;
  /** Decimal text of the linear attribute. */
  linearValue: string | undefined;
}

export interface OrderLine {
  orderLineId: string;
  /** Undefined if it is none of {@link CHARGING_MODES}. */
  chargingMode: ChargingMode | undefined;
  expires: Micros | undefined;
  products: OrderedProduct[];
}

/** An order according to the marketplace; what it leaves out or gives as null is undefined. */
export interface Order {
  orderId: string;
  orderType: string | undefined;
  lines: OrderLine[];
  customerId: string | undefined;
  customerName: string | undefined;
}

/** Reads the `orderInfo` of a reply; undefined if it is not an order. Nulls and unknown fields are tolerated. */
export function readOrder(info: unknown): Order | undefined {
  if (!isObject(info)) return undefined;
  const orderId = text(info["orderId"]);
  if (orderId === undefined) return undefined;
  const buyer = isObject(info["buyerInfo"]) ? info["buyerInfo"] : {};
  return {
    orderId,
    orderType: text(info["orderType"]),
    lines: list(info["orderLine"]).flatMap(readLine),
    customerId: text(buyer["customerId"]),
    customerName: text(buyer["customerName"]),
  };
}

function readLine(line: unknown): OrderLine[] {
  if (!isObject(line)) return [];
  const orderLineId = text(line["orderLineId"]);
  if (orderLineId === undefined) return [];
  const mode = text(line["chargingMode"]);
  return [
    {
      orderLineId,
      chargingMode: CHARGING_MODES.find((known) => known === mode),
      expires: parseDigits(text(line["expireTime"]) ?? ""),
      products: list(line["productInfo"]).flatMap(readProduct),
    },
  ];
}

function readProduct(product: unknown): OrderedProduct[] {
  if (!isObject(product)) return [];
  const productId = text(product["productId"]);
  if (productId === undefined) return [];
  return [{ productId, skuCode: text(product["skuCode"]), linearValue: text(product["linearValue"]) }];
}

const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

function text(value: unknown): string | undefined {
  if (typeof value === "number") return String(value);
  if (typeof value !== "string") return undefined;
  // A database cannot store NUL.
  const clean = value.replaceAll("\0", "").trim();
  return clean === "" ? undefined : clean;
}
