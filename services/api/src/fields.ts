import {
  AGGREGATIONS,
  cloudEventSchema,
  EVENT_LIMITS,
  HOUR,
  KEY_ROLES,
  meterCodeSchema,
  parseInstant,
  RECORD_STATES,
  SECOND,
  type Micros,
} from "@quarterpast/domain";
import { z } from "zod";
import { field } from "./validate.js";

/** Bill records are printable ASCII (SPEC of domain): what goes into them is refused here where it is not. */
const ascii = (max: number) =>
  z
    .string()
    .max(max)
    .regex(/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/);
const asciiText = (max: number) => ({
  en: `1 to ${max} printable ASCII characters, no blank first or last`,
  zh: ` 1 至 ${max} 个可打印 ASCII 字符，首尾不含空格`,
});

/** @param of a rule over an instant and what it says to a person. */
const instant = (rule: (at: Micros) => boolean = () => true) =>
  z.string().transform((text, context): Micros => {
    const at = parseInstant(text);
    if (at !== undefined && Number.isSafeInteger(at) && rule(at)) return at;
    context.issues.push({ code: "custom", input: text });
    return z.NEVER;
  });

const isWholeSecond = (at: Micros) => at % SECOND === 0;
const WHOLE_SECOND = {
  en: "an RFC 3339 time in whole seconds with a zone, e.g. 2026-03-01T00:00:00Z",
  zh: "带时区、精确到整秒的 RFC 3339 时间，例如 2026-03-01T00:00:00Z",
};
const ANY_INSTANT = {
  en: "an RFC 3339 time with a zone, e.g. 2026-03-01T00:00:00Z",
  zh: "带时区的 RFC 3339 时间，例如 2026-03-01T00:00:00Z",
};

export const wholeSecond = () => field(WHOLE_SECOND, instant(isWholeSecond));
export const optionalWholeSecond = () => field(WHOLE_SECOND, instant(isWholeSecond).optional());
export const optionalInstant = () => field(ANY_INSTANT, instant().optional());
export const optionalHour = () =>
  field(
    { en: "the begin of an hour, e.g. 2026-03-01T18:00:00Z", zh: "整点时间，例如 2026-03-01T18:00:00Z" },
    instant((at) => at % HOUR === 0).optional(),
  );

const METER_CODE = {
  en: `1 to ${EVENT_LIMITS.meterChars} letters, digits and . _ : / -, beginning with a letter or digit`,
  zh: ` 1 至 ${EVENT_LIMITS.meterChars} 个字母、数字或 . _ : / -，以字母或数字开头`,
};
export const meterCode = () => field(METER_CODE, z.string().pipe(meterCodeSchema));
export const optionalMeterCode = () => field(METER_CODE, meterCodeSchema.optional());

export const aggregation = () =>
  field(
    { en: `one of ${AGGREGATIONS.join(", ")}`, zh: `${AGGREGATIONS.join("、")} 之一` },
    z.enum(AGGREGATIONS),
  );
export const unit = () => field(asciiText(32), ascii(32).optional());
const SCALE = { en: "a whole number from 0 to 12", zh: " 0 至 12 的整数" };
const scaleSchema = z.int().min(0).max(12);
export const scale = () => field(SCALE, scaleSchema.optional());
export const requiredScale = () =>
  field(
    SCALE,
    scaleSchema.refine(() => true),
  );

export const INSTANCE_ID = {
  en: "1 to 64 printable ASCII characters without blanks",
  zh: " 1 至 64 个可打印 ASCII 字符，不含空格",
};
const instanceIdSchema = z.string().regex(/^[\x21-\x7e]{1,64}$/);
export const instanceId = () =>
  field(
    INSTANCE_ID,
    instanceIdSchema.refine(() => true),
  );
export const optionalInstanceId = () => field(INSTANCE_ID, instanceIdSchema.optional());
export const product = () => field(asciiText(64), ascii(64));
export const cycle = () =>
  field({ en: "hourly or daily", zh: " hourly 或 daily" }, z.enum(["hourly", "daily"]).optional());

/** What {@link plainText} takes, in words. */
export const printable = (max: number) => ({
  en: `1 to ${max} characters without control characters`,
  zh: ` 1 至 ${max} 个字符，不含控制字符`,
});
/** Text that every later stage can store: no control characters (NUL among them), no half of a surrogate pair. */
export const plainText = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .regex(/^[^\p{Cc}\p{Cs}]+$/u);
export const subject = () =>
  field(printable(EVENT_LIMITS.subjectChars), z.string().pipe(cloudEventSchema.shape.subject));
export const optionalSubject = () =>
  field(printable(EVENT_LIMITS.subjectChars), cloudEventSchema.shape.subject.optional());
export const source = () =>
  field(printable(EVENT_LIMITS.sourceChars), z.string().pipe(cloudEventSchema.shape.source));
export const statementName = () => field(printable(200), plainText(200).optional());
/** A meter or subject as a waiting event names it. */
export const quarantinedName = () => field(printable(256), plainText(256));
export const reason = () => field(printable(500), plainText(500));
export const keyName = () => field(printable(64), plainText(64));
export const role = () =>
  field({ en: `one of ${KEY_ROLES.join(", ")}`, zh: `${KEY_ROLES.join("、")} 之一` }, z.enum(KEY_ROLES));

export const recordState = () =>
  field(
    { en: `one of ${RECORD_STATES.join(", ")}`, zh: `${RECORD_STATES.join("、")} 之一` },
    z.enum(RECORD_STATES).optional(),
  );
const SERIAL = { en: "a serial number as records list shows it", zh: " records list 所列的序列号" };
export const serialNumber = () => field(SERIAL, z.string().regex(/^[\x21-\x7e]{1,64}$/));
export const keyId = () =>
  field(
    { en: "a key id as keys list shows it", zh: " keys list 所列的密钥编号" },
    z.string().regex(/^[a-z0-9]{8}$/),
  );
export const cursor = () =>
  field(
    { en: "the value of next of the page before", zh: "上一页的 next 值" },
    z
      .string()
      .regex(/^[\x21-\x7e]{1,64}$/)
      .optional(),
  );

/** How many items a page has. */
export const limit = (most: number, otherwise: number) =>
  field(
    { en: `a whole number from 1 to ${most}`, zh: ` 1 至 ${most} 的整数` },
    z
      .string()
      .regex(/^\d{1,6}$/)
      .transform(Number)
      .pipe(z.int().min(1).max(most))
      .default(otherwise),
  );
