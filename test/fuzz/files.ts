import type { Random } from "../crash/random.js";
import { xlsx } from "../../packages/marketplace/test/xlsxWriter.js";
import { nastyText } from "./nasty.js";
import type { Words } from "./schema.js";

type Cell = string | number;

/** Files that the marketplace exports, as specified by its documents, because no JSON Schema describes them. */
const SDR = [
  "metering_sn",
  "instance_id",
  "begin_time",
  "end_time",
  "usage_value",
  "state",
  "error_code",
  "collected_at",
];
const BILL = [
  "billing_cycle",
  "instance_id",
  "product_name",
  "usage",
  "official_amount",
  "amount",
  "currency",
  "order_id",
];

const SERIAL = { type: "string", pattern: "^[\\x21-\\x7e]{1,64}$" };
const TYPES_OF_SHEETS = /spreadsheetml/;

function rowsOf(words: Words, random: Random): Cell[][] {
  const isBill = random.chance(0.15);
  const rows = Array.from({ length: random.int(1, 4) }, (): Cell[] => {
    const instance = words.take(SERIAL, "instances.instanceId", random);
    if (isBill)
      return ["2026-03", instance, "llm", random.int(0, 99), "1.50", "1.50", "CNY", `o-${random.int(0, 9)}`];
    const sn = words.take(SERIAL, "records.sn", random);
    const state = random.pick([
      "billed",
      "billed",
      "pending",
      "normal",
      "abnormal",
      "abnormal",
      "异常",
      "accepted",
    ]);
    const code = random.pick(["", "005", "010", "999"]);
    return [
      sn,
      instance,
      "20260301T100000Z",
      "20260301T110000Z",
      "1.5000",
      state,
      code,
      "2026-03-01T11:15:00Z",
    ];
  });
  const end: Cell[][] = random.chance(0.6) ? [["#total", rows.length]] : [];
  return [[...(isBill ? BILL : SDR)], ...rows, ...end];
}

/** A file of that content type; a third of them have a wrong cell, byte or end. */
export function fileOf(type: string, words: Words, random: Random): Buffer {
  const rows = rowsOf(words, random);
  if (random.chance(0.15)) {
    const row = random.pick(rows);
    row[random.int(0, row.length - 1)] = nastyText(random);
  }
  const file = write(type, rows, random);
  return random.chance(0.15) ? damage(file, random) : file;
}

function write(type: string, rows: Cell[][], random: Random): Buffer {
  if (TYPES_OF_SHEETS.test(type) || random.chance(0.1)) return xlsx(rows);
  const [header = [], ...lines] = rows;
  const records = lines.filter(([first]) => first !== "#total");
  const objects = records.map((line) =>
    Object.fromEntries(line.map((cell, at) => [String(header[at]), cell])),
  );
  if (type === "application/json")
    return Buffer.from(JSON.stringify(random.chance(0.5) ? objects : { records: objects }));
  if (type === "application/x-ndjson")
    return Buffer.from(objects.map((one) => JSON.stringify(one)).join("\n"));
  const separator = random.pick([",", ",", ",", ";", "\t"]);
  const text = rows
    .map((row) => row.map((cell) => quote(String(cell), separator)).join(separator))
    .join("\r\n");
  return Buffer.from(text, random.chance(0.1) ? "utf16le" : "utf8");
}

const quote = (cell: string, separator: string) =>
  /["\r\n]/.test(cell) || cell.includes(separator) ? `"${cell.replaceAll('"', '""')}"` : cell;

function damage(file: Buffer, random: Random): Buffer {
  if (file.length === 0) return file;
  const copy = Buffer.from(file);
  if (random.chance(0.3)) return copy.subarray(0, random.int(0, copy.length - 1));
  for (let flips = random.int(1, 8); flips > 0; flips -= 1)
    copy[random.int(0, copy.length - 1)] = random.int(0, 255);
  return copy;
}
