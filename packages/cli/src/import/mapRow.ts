import {
  ERRORS,
  formatInstant,
  parseInstant,
  parseQuantity,
  parseUsageEvent,
  QUARANTINE_REASONS,
  refusalOf,
  type CloudEvent,
  type ErrorCode,
  type Meter,
  type Micros,
} from "@quarterpast/domain";
import type { Given, MappedMeter, Mapping } from "./mapping.js";
import { createRowIds } from "./rowId.js";
import { show, type Cell, type RowProblem, type SourceRow } from "./rows.js";

/** The events of a row, or why none of them is sent. */
export type MappedRow =
  | { ok: true; time: Micros; events: CloudEvent[]; hasZone: boolean }
  | { ok: false; problem: RowProblem; events: number };

class Unmappable extends Error {
  readonly problem: RowProblem;
  constructor(problem: RowProblem) {
    super(problem.text.en);
    this.problem = problem;
  }
}

/**
 * Creates the function that turns rows into events, one for each meter. A row with one bad cell is not sent at all:
 * its id is made from all its values, so that the corrected row counts as a whole.
 */
export function createMapper(mapping: Mapping<MappedMeter>): (row: SourceRow) => MappedRow {
  const rowId = createRowIds();

  function map(cell: (column: string) => Cell): MappedRow {
    const { time, hasZone } = readTime(cell(mapping.time), mapping.time);
    const subject = readGiven(mapping.subject, cell);
    const account = mapping.account && readGiven(mapping.account, cell);
    const meters = mapping.meters.map((mapped) => [mapped.meter.code, readValue(mapped, cell)] as const);
    const id =
      mapping.id === "row"
        ? rowId({ time, subject, meters, account: isInColumn(mapping.account) ? account : undefined })
        : readText(cell(mapping.id.column), mapping.id.column);
    const written = formatInstant(time);
    const events = mapping.meters.map(({ meter }, at) => {
      const event = {
        specversion: "1.0",
        id: `${id}/${meter.code}`,
        source: mapping.source,
        type: meter.code,
        subject,
        time: written,
        ...(account !== undefined && { account }),
        data: dataOf(meter, meters[at]![1]),
      } as CloudEvent;
      check(event, time, meter);
      return event;
    });
    return { ok: true, time, events, hasZone };
  }

  return ({ content }) => {
    if ("problem" in content) return { ok: false, problem: content.problem, events: mapping.meters.length };
    if (!("cell" in content)) throw new TypeError("a table's row is expected");
    return orProblem(() => map((column) => content.cell(column)), mapping.meters.length);
  };
}

function readGiven(given: Given, cell: (column: string) => Cell): string {
  return "value" in given ? given.value : readText(cell(given.column), given.column);
}

/** Only what is in the row becomes part of its id: importing the same file for another account is not new usage. */
const isInColumn = (given: Given | undefined): boolean => given !== undefined && "column" in given;

function dataOf({ aggregation }: Meter, value: string): NonNullable<CloudEvent["data"]> {
  if (aggregation === "count") return {};
  return aggregation === "unique" ? { value } : { quantity: value };
}

/** Passes CloudEvents on unchanged, checked like in the collector, so that a bad one is reported with its line. */
export function mapCloudEvent({ content }: SourceRow): MappedRow {
  if ("problem" in content) return { ok: false, problem: content.problem, events: 1 };
  if (!("event" in content)) throw new TypeError("a CloudEvent is expected");
  const event = content.event as CloudEvent;
  return orProblem(() => {
    const time = typeof event.time === "string" ? parseInstant(event.time) : undefined;
    check(event, time ?? 0);
    return { ok: true, time: time!, events: [event], hasZone: true };
  }, 1);
}

function orProblem(map: () => MappedRow, events: number): MappedRow {
  try {
    return map();
  } catch (error) {
    if (error instanceof Unmappable) return { ok: false, problem: error.problem, events };
    throw error;
  }
}

function check(event: CloudEvent, time: Micros, meter?: Meter): void {
  const parsed = parseUsageEvent(event, time);
  if (!parsed.ok) {
    const { code, detail } = parsed.problem;
    throw new Unmappable({ code, text: { en: detail, zh: `${ERRORS[code].title.zh}：${detail}` } });
  }
  const refusal = meter && refusalOf(meter, parsed.event);
  if (!meter || !refusal) return;
  const { en, zh } = QUARANTINE_REASONS[refusal];
  const found = `${meter.code} ${show(parsed.event.quantity)}`;
  throw new Unmappable({
    code: "quantity_invalid",
    text: { en: `${found}: ${en} (${meter.scale})`, zh: `${found}：${zh}（${meter.scale}）` },
  });
}

const HAS_ZONE = /(?:[Zz]|[+-]\d{2}:\d{2})$/;

function readTime(cell: Cell, column: string): { time: Micros; hasZone: boolean } {
  const text = readText(cell, column).trim();
  const time = parseInstant(text, "utc");
  if (time === undefined) {
    throw badCell("field_invalid", column, cell, [
      "must be a time such as 2023-11-16 18:17:03.97 or 2023-11-16T18:17:03Z",
      "应为时间，例如 2023-11-16 18:17:03.97 或 2023-11-16T18:17:03Z",
    ]);
  }
  return { time, hasZone: HAS_ZONE.test(text) };
}

function readText(cell: Cell, column: string): string {
  if (cell !== undefined && cell !== "") return String(cell);
  throw badCell("field_missing", column, cell, ["must not be empty", "不能为空"]);
}

/** The meter's value in canonical form; empty if the meter only counts. */
function readValue({ meter, column }: MappedMeter, cell: (column: string) => Cell): string {
  if (column === undefined) return "";
  const found = cell(column);
  if (meter.aggregation === "unique") return readText(found, column);
  const quantity =
    found === undefined ? undefined : parseQuantity(typeof found === "string" ? found.trim() : found);
  if (quantity !== undefined) return quantity;
  throw badCell("quantity_invalid", column, found, [
    "must be a decimal ≥ 0 such as 12 or 0.5, with up to 12 digits on either side of the point",
    "应为 ≥ 0 的十进制数，例如 12 或 0.5，小数点两侧各不超过 12 位",
  ]);
}

function badCell(
  code: ErrorCode,
  column: string,
  cell: Cell,
  [en, zh]: readonly [string, string],
): Unmappable {
  const found = `${column} ${cell === undefined ? '""' : show(cell)}`;
  return new Unmappable({ code, text: { en: `${found} ${en}`, zh: `${found}：${zh}` } });
}
