import type { Text } from "@quarterpast/domain";
import { EXPORT_COLUMNS } from "@quarterpast/store";

const TITLES: Record<(typeof EXPORT_COLUMNS)[number], Text> = {
  sn: { en: "Serial number", zh: "序列号" },
  account: { en: "Account", zh: "账户" },
  product: { en: "Product", zh: "产品" },
  instanceId: { en: "Instance", zh: "实例" },
  subject: { en: "Subject", zh: "主体" },
  meter: { en: "Meter", zh: "计量项" },
  unit: { en: "Unit", zh: "单位" },
  kind: { en: "Kind", zh: "类型" },
  part: { en: "Part", zh: "分段" },
  hour: { en: "Hour", zh: "小时" },
  begin: { en: "Begin", zh: "开始" },
  end: { en: "End", zh: "结束" },
  quantity: { en: "Quantity", zh: "用量" },
  events: { en: "Events", zh: "事件数" },
  state: { en: "State", zh: "状态" },
  code: { en: "Code", zh: "代码" },
  replaces: { en: "Replaces", zh: "替代" },
  shard: { en: "Shard", zh: "分片" },
  seq: { en: "Sequence", zh: "序号" },
  checksum: { en: "Checksum", zh: "校验和" },
};

/** UTF-8's mark: without it spreadsheet programs read Chinese as the local code page. */
const BOM = "\uFEFF";

/** The titles of an export's columns as its first line. */
export function csvHeader(language: keyof Text): string {
  return BOM + EXPORT_COLUMNS.map((name) => TITLES[name][language]).join(",");
}
