import { meterCodeSchema, type Meter } from "@quarterpast/domain";
import { CliError, EXIT } from "../exit.js";

/** A value that is the same in every row, or is in a column. */
export type Given = { value: string } | { column: string };

/** The argument of `--meter`, before the meter is known. */
export interface MeterColumn {
  code: string;
  column: string | undefined;
}

/** How the rows of a table become usage. */
export interface Mapping<M = MeterColumn> {
  source: string;
  time: string;
  subject: Given;
  /** The account that the events name. */
  account?: Given;
  /** The row's own id, or the hash of its values. */
  id: "row" | { column: string };
  meters: M[];
}

/** A meter of the stack and the column of its value. */
export interface MappedMeter {
  meter: Meter;
  column: string | undefined;
}

/** The options of a mapping as typed. */
export interface MappingOptions {
  source?: string | undefined;
  time?: string | undefined;
  subject?: string | undefined;
  account?: string | undefined;
  id?: string | undefined;
  meter: readonly string[];
}

/** Reads the options. @throws CliError 2 that names what is missing or wrong. */
export function parseMapping(options: MappingOptions): Mapping {
  const { source, time, subject } = options;
  const missing = [
    ["--source NAME", source],
    ["--time COLUMN", time],
    ["--subject VALUE|@COLUMN", subject],
    ["--meter METER=COLUMN", options.meter[0]],
  ].flatMap(([option, value]) => (value ? [] : [option]));
  if (!source || !time || !subject || missing.length > 0) {
    const list = missing.join(", ");
    throw usage(
      `a table also needs ${list} (a file of CloudEvents needs none of them, and --format cloudevents)`,
      `导入表格还需要 ${list}（CloudEvents 文件不需要这些选项，请用 --format cloudevents）`,
    );
  }
  const meters = options.meter.map(parseMeter);
  const twice = meters.find(({ code }, at) => meters.findIndex((other) => other.code === code) !== at);
  if (twice) throw usage(`--meter ${twice.code} is given twice`, `--meter ${twice.code} 重复`);
  const { account } = options;
  return {
    ...{ source, time, subject: parseGiven(subject), id: parseId(options.id ?? "row"), meters },
    ...(account !== undefined && { account: parseGiven(account) }),
  };
}

function parseMeter(text: string): MeterColumn {
  const equals = text.indexOf("=");
  const code = equals < 0 ? text : text.slice(0, equals);
  if (!meterCodeSchema.safeParse(code).success) {
    throw usage(
      `--meter ${text}: ${JSON.stringify(code)} is not the code of a meter`,
      `--meter ${text}：${JSON.stringify(code)} 不是计量项代码`,
    );
  }
  return { code, column: equals < 0 ? undefined : text.slice(equals + 1) || undefined };
}

function parseGiven(text: string): Given {
  return text.startsWith("@") && text.length > 1 ? { column: text.slice(1) } : { value: text };
}

function parseId(text: string): Mapping["id"] {
  if (text === "row") return "row";
  if (text.startsWith("@") && text.length > 1) return { column: text.slice(1) };
  throw usage(
    `--id ${text}: give row, or @ and the name of a column`,
    `--id ${text}：请使用 row，或 @ 加列名`,
  );
}

/** The columns that the mapping reads. */
export function columnsOf({ time, subject, account, id, meters }: Mapping): string[] {
  const columns = [time, ...meters.flatMap(({ column }) => column ?? [])];
  for (const given of [subject, account]) if (given && "column" in given) columns.push(given.column);
  if (id !== "row") columns.push(id.column);
  return [...new Set(columns)];
}

/** Joins the mapping with the meters of the stack. @throws CliError 2 for an unknown meter, or a column it cannot use. */
export function bindMeters(mapping: Mapping, known: readonly Meter[]): Mapping<MappedMeter> {
  const meters = mapping.meters.map(({ code, column }) => {
    const meter = known.find((one) => one.code === code);
    if (!meter) throw unknownMeter(code, known);
    if (meter.aggregation === "count" && column !== undefined) {
      throw usage(
        `--meter ${code}=${column}: ${code} counts events, give --meter ${code} without a column`,
        `--meter ${code}=${column}：${code} 按事件计数，请使用不带列名的 --meter ${code}`,
      );
    }
    if (meter.aggregation !== "count" && column === undefined) {
      throw usage(
        `--meter ${code}: its aggregation is ${meter.aggregation}, name the column: --meter ${code}=COLUMN`,
        `--meter ${code}：聚合方式为 ${meter.aggregation}，请指定列：--meter ${code}=列名`,
      );
    }
    return { meter, column };
  });
  return { ...mapping, meters };
}

function unknownMeter(code: string, known: readonly Meter[]): CliError {
  const there = known.map((meter) => meter.code).join(", ");
  return usage(
    `there is no meter ${code}; ${there ? `there are ${there}` : "there is none yet"}: quarterpast meters add ${code} --aggregation sum`,
    `没有计量项 ${code}；${there ? `现有 ${there}` : "尚无任何计量项"}：quarterpast meters add ${code} --aggregation sum`,
  );
}

/** The error that ends an import because of its arguments. */
export function usage(en: string, zh: string): CliError {
  return new CliError(EXIT.usage, { en, zh });
}
