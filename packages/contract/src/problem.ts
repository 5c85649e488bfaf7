import { z } from "zod";
import { count, field, listOf, optional, text } from "./field.js";

/** One field that was refused. */
const wrongField = z.strictObject({
  field: text("Field", "字段"),
  detail: text("Detail", "说明"),
});

/** A refusal in the form of RFC 9457, `application/problem+json`: a stable code, in English and Chinese. */
export const problem = z.looseObject({
  type: text("Type", "类型"),
  title: text("Title", "标题"),
  status: count("Status", "状态码"),
  /** What programs should branch on: one of ERRORS, or of the HTTP server's own codes. */
  code: text("Code", "代码"),
  detail: optional(text("Detail", "说明")),
  zh: optional(
    field(
      { title: { en: "Chinese", zh: "中文" } },
      z.strictObject({ title: text("Title", "标题"), detail: optional(text("Detail", "说明")) }),
    ),
  ),
  field: optional(text("The first wrong field", "首个错误字段")),
  fields: optional(listOf("All wrong fields", "全部错误字段", wrongField)),
});
export type ProblemBody = z.output<typeof problem>;
