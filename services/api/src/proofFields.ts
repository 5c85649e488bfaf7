import { cloudEventSchema, DEPTHS, EVENT_LIMITS, HOUR, parseInstant, type Micros } from "@quarterpast/domain";
import { z } from "zod";
import { plainText, printable } from "./fields.js";
import { field } from "./validate.js";

const HOUR_START = {
  en: "the begin of an hour, e.g. 2026-03-01T18:00:00Z",
  zh: "整点时间，例如 2026-03-01T18:00:00Z",
};

const hourSchema = z.string().transform((text, context): Micros => {
  const at = parseInstant(text);
  if (at !== undefined && at % HOUR === 0) return at;
  context.issues.push({ code: "custom", input: text });
  return z.NEVER;
});

/** The begin of an hour. */
export const hourStart = () =>
  field(
    HOUR_START,
    hourSchema.refine(() => true),
  );

/** How far down an hour is read; to its events unless told otherwise. */
export const depth = () =>
  field({ en: "events, usage or chain", zh: " events、usage 或 chain" }, z.enum(DEPTHS).default("events"));

export const eventId = () =>
  field(
    {
      en: `1 to ${EVENT_LIMITS.idChars} characters without control characters`,
      zh: ` 1 至 ${EVENT_LIMITS.idChars} 个字符，不含控制字符`,
    },
    z.string().pipe(cloudEventSchema.shape.id),
  );

export const exportFormat = () =>
  field({ en: "csv or ndjson", zh: " csv 或 ndjson" }, z.enum(["csv", "ndjson"]).default("csv"));

export const exportLanguage = () =>
  field({ en: "en or zh", zh: " en 或 zh" }, z.enum(["en", "zh"]).default("en"));

export const optionalName = () => field(printable(128), plainText(128).optional());
