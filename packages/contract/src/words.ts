import { RECORD_STATES } from "@quarterpast/domain";
import { z } from "zod";
import { decimal, field, listOf, nullable, text, time, word } from "./field.js";

// Fields of answers that many things share: one name, one title, one form.

export const account = text("Account", "账户");
export const instanceId = text("Instance", "实例");
export const product = text("Product", "产品");
export const meter = text("Meter", "计量项");
export const unit = text("Unit", "单位");
export const subject = text("Subject", "主体");
export const source = text("Source", "来源");
export const sn = text("Serial number", "序列号");
export const hour = time("Hour", "小时");
export const begin = time("Begin", "开始");
export const end = time("End", "结束");
export const at = time("At", "时间");
export const quantity = decimal("Quantity", "用量", "meter unit");
export const recordState = word("State", "状态", RECORD_STATES);
export const code = nullable(text("Code", "代码"));
export const amount = decimal("Amount", "金额", "currency");
export const currency = text("Currency", "货币");
/** `2026-03`, in days of the marketplace. */
export const month = field({ title: { en: "Month", zh: "月份" } }, z.string().regex(/^\d{4}-\d\d$/));
export const windowEnds = time("Window ends", "窗口关闭");

const next = nullable(text("Next page", "下一页"));

/** A page of a list: `next` is the cursor of the following page, null on the last. */
export const pageOf = <S extends z.ZodType>(item: S) =>
  z.strictObject({ items: listOf("Items", "条目", item), next });
/** A list that is never paged. */
export const wholeListOf = <S extends z.ZodType>(item: S) =>
  z.strictObject({
    items: listOf("Items", "条目", item),
    next: field({ title: { en: "Next page", zh: "下一页" } }, z.null()),
  });
