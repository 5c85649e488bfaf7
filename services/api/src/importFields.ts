import { parseStrict } from "@quarterpast/domain";
import { IMPORT_KINDS, type ImportField, type ImportProfile } from "@quarterpast/marketplace";
import { z } from "zod";
import { plainText } from "./fields.js";
import { field } from "./validate.js";

const NAME = { en: "1 to 64 letters, digits, . _ or -", zh: " 1 至 64 个字母、数字、. _ 或 -" };
const nameSchema = z.string().regex(/^[\p{L}\p{N}._-]{1,64}$/u);
export const optionalProfileName = () => field(NAME, nameSchema.optional());

const columnsSchema = z.record(plainText(32), plainText(200));
const COLUMNS = {
  en: 'headers by field as JSON, e.g. {"serialNumber":"SDR no."}',
  zh: '按字段给出表头的 JSON，例如 {"serialNumber":"话单号"}',
};
export const columns = () =>
  field(
    COLUMNS,
    z
      .string()
      .max(8_000)
      .transform((text, context): Partial<Record<ImportField, string>> => {
        const json = parseStrict(text, 1);
        const read = columnsSchema.safeParse(json.ok ? json.value : undefined);
        if (read.success) return read.data;
        context.issues.push({ code: "custom", input: text });
        return z.NEVER;
      })
      .optional(),
  );

export const importKind = () =>
  field(
    { en: `one of ${IMPORT_KINDS.join(", ")}`, zh: `${IMPORT_KINDS.join("、")} 之一` },
    z.enum(IMPORT_KINDS).optional(),
  );
export const zone = () =>
  field(
    { en: "an offset from UTC, e.g. +08:00", zh: "与 UTC 的时差，例如 +08:00" },
    z
      .string()
      .regex(/^(Z|[+-](0\d|1[0-4]):[0-5]\d)$/)
      .transform(minutesOf)
      .optional(),
  );
export const sheet = () => field({ en: "the name of a sheet", zh: "工作表名称" }, plainText(64).optional());
export const flag = () =>
  field(
    { en: "true or false", zh: " true 或 false" },
    z
      .enum(["true", "false"])
      .default("false")
      .transform((text) => text === "true"),
  );
export const rowCount = () =>
  field(
    { en: "how many rows the marketplace's page tells", zh: "云市场页面显示的行数" },
    z
      .string()
      .regex(/^\d{1,8}$/)
      .transform(Number)
      .optional(),
  );

function minutesOf(zoneText: string): number {
  if (zoneText === "Z") return 0;
  const [hours, minutes] = zoneText.slice(1).split(":").map(Number) as [number, number];
  return (zoneText.startsWith("-") ? -1 : 1) * (hours * 60 + minutes);
}

/** What was asked for goes before what is saved. */
export function mergeProfile(
  saved: Partial<ImportProfile> | undefined,
  asked: { [K in keyof ImportProfile]?: ImportProfile[K] | undefined },
): Partial<ImportProfile> {
  const given = Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined));
  return { ...saved, ...given, columns: { ...saved?.columns, ...asked.columns } };
}
