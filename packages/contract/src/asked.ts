import {
  AGGREGATIONS,
  cloudEventSchema,
  EVENT_LIMITS,
  KEY_ROLES,
  meterCodeSchema,
  RECORD_STATES,
  type Text,
} from "@quarterpast/domain";
import { z } from "zod";
import { field, optional } from "./field.js";
import { ascii, asciiText, instant, isHour, isWholeSecond, oneOf, plainText, printable } from "./forms.js";

// Request fields that several routes share, each with a description of a valid value.

const asked = <S extends z.ZodType>(title: Text, right: Text, schema: S) => field({ title, right }, schema);

const RFC3339 = { en: "e.g. 2026-03-01T00:00:00Z", zh: "例如 2026-03-01T00:00:00Z" };
/** A time in whole seconds. */
export const wholeSecond = (en: string, zh: string) =>
  field(
    {
      title: { en, zh },
      right: {
        en: `an RFC 3339 time in whole seconds with a zone, ${RFC3339.en}`,
        zh: `带时区、精确到整秒的 RFC 3339 时间，${RFC3339.zh}`,
      },
      format: "date-time",
    },
    instant(isWholeSecond),
  );
/** Any time. */
export const anyTime = (en: string, zh: string) =>
  field(
    {
      title: { en, zh },
      right: {
        en: `an RFC 3339 time with a zone, ${RFC3339.en}`,
        zh: `带时区的 RFC 3339 时间，${RFC3339.zh}`,
      },
      format: "date-time",
    },
    instant(),
  );
/** The begin of an hour. */
export const hourStart = (en: string, zh: string) =>
  field(
    {
      title: { en, zh },
      right: {
        en: "the begin of an hour, e.g. 2026-03-01T18:00:00Z",
        zh: "整点时间，例如 2026-03-01T18:00:00Z",
      },
      format: "date-time",
    },
    instant(isHour),
  );

export const meterCode = asked(
  { en: "Meter", zh: "计量项" },
  {
    en: `1 to ${EVENT_LIMITS.meterChars} letters, digits and . _ : / -, beginning with a letter or digit`,
    zh: ` 1 至 ${EVENT_LIMITS.meterChars} 个字母、数字或 . _ : / -，以字母或数字开头`,
  },
  z.string().pipe(meterCodeSchema),
);
export const aggregation = asked(
  { en: "Aggregation", zh: "汇总方式" },
  oneOf(AGGREGATIONS),
  z.enum(AGGREGATIONS),
);
export const unit = asked({ en: "Unit", zh: "单位" }, asciiText(32), ascii(32));
export const scale = asked(
  { en: "Decimals", zh: "小数位" },
  { en: "a whole number from 0 to 12", zh: " 0 至 12 的整数" },
  z.int().min(0).max(12),
);

const ID = {
  en: "1 to 64 printable ASCII characters without blanks",
  zh: " 1 至 64 个可打印 ASCII 字符，不含空格",
};
const idSchema = z.string().regex(/^[\x21-\x7e]{1,64}$/);
export const instanceId = asked({ en: "Instance", zh: "实例" }, ID, idSchema);
export const productId = asked({ en: "Product", zh: "产品" }, ID, idSchema);
export const product = asked({ en: "Product", zh: "产品" }, asciiText(64), ascii(64));
export const cycle = asked(
  { en: "Billing cycle", zh: "计费周期" },
  { en: "hourly or daily", zh: " hourly 或 daily" },
  z.enum(["hourly", "daily"]),
);
/** A text without control characters. */
export const plain = (en: string, zh: string, max: number) =>
  asked({ en, zh }, printable(max), plainText(max));
export const subject = asked(
  { en: "Subject", zh: "主体" },
  printable(EVENT_LIMITS.subjectChars),
  z.string().pipe(cloudEventSchema.shape.subject),
);
export const source = asked(
  { en: "Source", zh: "来源" },
  printable(EVENT_LIMITS.sourceChars),
  z.string().pipe(cloudEventSchema.shape.source),
);
export const eventId = asked(
  { en: "Event", zh: "事件" },
  printable(EVENT_LIMITS.idChars),
  z.string().pipe(cloudEventSchema.shape.id),
);
export const reason = plain("Reason", "原因", 500);
export const role = asked({ en: "Role", zh: "角色" }, oneOf(KEY_ROLES), z.enum(KEY_ROLES));
const list = <S extends z.ZodType>(item: S) => z.array(item).min(1).max(100).nullable();
/** The sources that an ingest key may be limited to. */
export const keySources = asked(
  { en: "Limited to sources", zh: "限于来源" },
  {
    en: "1 to 100 sources, or null; one that ends with * matches all that begin with the rest",
    zh: " 1 至 100 个来源或 null；以 * 结尾的表示所有以其开头的来源",
  },
  list(cloudEventSchema.shape.source),
);
export const account = asked(
  { en: "Account", zh: "账户" },
  { en: "the code of a seller account", zh: "商家账户代码" },
  plainText(EVENT_LIMITS.extensionChars),
);
/** The accounts that a key of any other role may be limited to. */
export const keyAccounts = asked(
  { en: "Limited to accounts", zh: "限于账户" },
  { en: "1 to 100 codes of seller accounts, or null", zh: " 1 至 100 个商家账户代码或 null" },
  list(plainText(EVENT_LIMITS.extensionChars)),
);
export const ruleNo = asked(
  { en: "Rule", zh: "规则" },
  { en: "the number of a rule as rules list shows it", zh: " rules list 所列的规则编号" },
  z
    .string()
    .regex(/^[1-9]\d{0,8}$/)
    .transform(Number),
);
export const keyId = asked(
  { en: "Key", zh: "密钥" },
  { en: "a key id as keys list shows it", zh: " keys list 所列的密钥编号" },
  z.string().regex(/^[a-z0-9]{8}$/),
);
export const recordState = asked({ en: "State", zh: "状态" }, oneOf(RECORD_STATES), z.enum(RECORD_STATES));
export const serialNumber = asked(
  { en: "Serial number", zh: "序列号" },
  { en: "a serial number as records list shows it", zh: " records list 所列的序列号" },
  idSchema,
);
export const currency = asked(
  { en: "Currency", zh: "货币" },
  { en: "a currency of three capitals, e.g. CNY", zh: "三个大写字母的货币代码，例如 CNY" },
  z.string().regex(/^[A-Z]{3}$/),
);
export const month = asked(
  { en: "Month", zh: "月份" },
  { en: "a month, e.g. 2026-03", zh: "月份，例如 2026-03" },
  z.string().regex(/^20\d\d-(0[1-9]|1[0-2])$/),
);

/**
 * A span of hours: a month in the days of the account's marketplace, or from the first hour up to, not including, the
 * last.
 */
export const hours = {
  month: optional(month),
  from: optional(hourStart("From", "自")),
  to: optional(hourStart("To", "至")),
};

/** How many items a page has. */
export const limit = (most: number, otherwise: number) =>
  asked(
    { en: "Items per page", zh: "每页条数" },
    { en: `a whole number from 1 to ${most}`, zh: ` 1 至 ${most} 的整数` },
    z
      .string()
      .regex(/^\d{1,6}$/)
      .transform(Number)
      .pipe(z.int().min(1).max(most))
      .default(otherwise),
  );
/** `true` or `false`; the default is `false`. */
export const flag = (en: string, zh: string) =>
  asked(
    { en, zh },
    { en: "true or false", zh: " true 或 false" },
    z
      .enum(["true", "false"])
      .default("false")
      .transform((told) => told === "true"),
  );
