import { html, type Markup } from "../views/html.js";
import { CHARGING_MODES, type ShopOrder, type ShopState } from "./orders.js";
import type { ShopAction } from "./shop.js";

type Language = "zh" | "en";

const words = {
  zh: {
    title: "云商店（沙箱）",
    other: "English",
    records: "话单",
    product: "产品 ID",
    mode: "计费模式",
    modes: { ON_DEMAND: "按需", ON_DEMAND_PKG: "按需套餐包", ONE_TIME: "按次", PERIOD: "包周期" },
    customer: "客户 ID",
    days: "有效天数（可空）",
    buy: "购买",
    columns: ["订单", "状态", "操作", "产品", "模式", "客户", "实例", "商家应答"],
    states: { opening: "开通中", open: "已开通", frozen: "已冻结", released: "已释放", failed: "失败" },
    actions: { freeze: "冻结", unfreeze: "解冻", release: "释放" },
    nothing: "暂无订单",
  },
  en: {
    title: "Marketplace (sandbox)",
    other: "中文",
    records: "bill records",
    product: "Product ID",
    mode: "Charging mode",
    modes: {
      ON_DEMAND: "pay-per-use",
      ON_DEMAND_PKG: "pay-per-use package",
      ONE_TIME: "per-use",
      PERIOD: "period",
    },
    customer: "Customer ID",
    days: "Days (may be empty)",
    buy: "Buy",
    columns: ["Order", "State", "Actions", "Product", "Mode", "Customer", "Instance", "Seller's answer"],
    states: { opening: "opening", open: "open", frozen: "frozen", released: "released", failed: "failed" },
    actions: { freeze: "freeze", unfreeze: "unfreeze", release: "release" },
    nothing: "No orders yet",
  },
} as const;

const ACTIONS: Record<ShopState, readonly ShopAction[]> = {
  opening: [],
  open: ["freeze", "release"],
  frozen: ["unfreeze", "release"],
  released: [],
  failed: [],
};

/** The page where a person buys, freezes and releases. @param orders newest first. @param below what follows them. */
export function renderShop(lang: Language, orders: readonly ShopOrder[], below: Markup): string {
  const text = words[lang];
  const other = lang === "zh" ? "en" : "zh";
  const options = CHARGING_MODES.map((mode) => html`<option value="${mode}">${text.modes[mode]}</option>`);
  const head = text.columns.map((column) => html`<th scope="col">${column}</th>`);
  const rows = orders.map((order) => rowOf(lang, order));
  return html`<!doctype html>
    <html lang="${lang === "zh" ? "zh-CN" : "en"}">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width,initial-scale=1" />
        <title>${text.title}</title>
        <link rel="stylesheet" href="/sandbox/style.css" />
      </head>
      <body>
        <h1>${text.title}</h1>
        <p>
          <a href="/shop?lang=${other}" hreflang="${other}">${text.other}</a> ·
          <a href="/?lang=${lang}">${text.records}</a>
        </p>
        <form method="post" action="/shop?lang=${lang}">
          <label>${text.product} <input name="product" required maxlength="64" /></label>
          <label
            >${text.mode}
            <select name="mode">
              ${options}
            </select></label
          >
          <label>${text.customer} <input name="customer" required maxlength="64" value="customer-1" /></label>
          <label>${text.days} <input name="days" type="number" min="1" max="3650" /></label>
          <button>${text.buy}</button>
        </form>
        ${
          rows.length === 0
            ? html`<p>${text.nothing}</p>`
            : html`<div class="scroll">
                <table>
                  <thead>
                    <tr>
                      ${head}
                    </tr>
                  </thead>
                  <tbody>
                    ${rows}
                  </tbody>
                </table>
              </div>`
        }
        ${below}
      </body>
    </html>`.markup;
}

function rowOf(lang: Language, order: ShopOrder): Markup {
  const text = words[lang];
  const buttons = ACTIONS[order.state].map(
    (action) =>
      html`<form method="post" action="/shop?lang=${lang}">
        <input type="hidden" name="orderId" value="${order.orderId}" />
        <button name="action" value="${action}">${text.actions[action]}</button>
      </form>`,
  );
  const { product, customer, instanceId, answer } = order;
  const cells = [product, text.modes[order.mode], customer, instanceId ?? "", answer];
  return html`<tr>
    <td>${order.orderId}</td>
    <td>${text.states[order.state]}</td>
    <td>${buttons}</td>
    ${cells.map((cell) => html`<td>${cell}</td>`)}
  </tr>`;
}
