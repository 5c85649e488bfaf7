import type { Text } from "../text.js";

/** What a verification can find: a closed set. */
export const PROOF_PROBLEMS = {
  line_not_canonical: { en: "a line is not canonical bytes", zh: "行不是规范字节" },
  line_out_of_order: { en: "a line is out of place", zh: "行的位置不正确" },
  truncated: { en: "the hour ends without manifest and signature", zh: "缺少清单与签名，内容不完整" },
  file_hash: { en: "the file is not the one its .sha256 names", zh: "文件与其 .sha256 不符" },
  body_hash: { en: "the bytes are not those that were signed", zh: "内容与签名的字节不符" },
  event_foreign: { en: "an event belongs elsewhere", zh: "事件不属于此处" },
  event_order: { en: "events are not in strict order", zh: "事件未按严格顺序排列" },
  event_key: { en: "an event's key is not that of its id", zh: "事件的键与其 id 不符" },
  events_root: { en: "the events are not those the hour was proven with", zh: "事件与该小时证明时不一致" },
  events_count: { en: "the number of events differs", zh: "事件数不符" },
  usage_order: { en: "usage lines are not in strict order", zh: "用量行未按严格顺序排列" },
  usage_quantity: { en: "the quantity is not that of the events", zh: "用量与事件不符" },
  record_field: { en: "a field breaks the rules of records", zh: "话单字段不符合规则" },
  record_serial: { en: "the serial number is not that of the record", zh: "序列号与话单不符" },
  record_chain: { en: "the chain is broken", zh: "校验链断裂" },
  record_sum: { en: "usage, residue and filed quantity do not add up", zh: "用量、余量与已报用量不相加" },
  residue: { en: "the residue carried in is not what was carried out", zh: "带入余量与带出余量不符" },
  records_root: { en: "the records are not those of the manifest", zh: "话单与清单不符" },
  usage_root: { en: "the usage is not that of the manifest", zh: "用量与清单不符" },
  chains_root: { en: "the chain heads are not those of the manifest", zh: "链头与清单不符" },
  totals_root: { en: "the totals are not those of the manifest", zh: "合计与清单不符" },
  manifest_counts: { en: "the counts are not those of the manifest", zh: "数量与清单不符" },
  manifest_field: { en: "a field of the manifest breaks the rules", zh: "清单字段不符合规则" },
  manifest_chain: { en: "the manifest does not follow the one before", zh: "清单未衔接前一份清单" },
  signature: { en: "the signature is not that of the key", zh: "签名与密钥不符" },
  unknown_key: { en: "signed by a key that was not given", zh: "签名密钥未知" },
  anchor_missing: { en: "the anchors do not name this manifest", zh: "锚点中没有此清单" },
  anchor_differs: { en: "the anchors name another manifest", zh: "锚点指向另一份清单" },
  column_differs: { en: "a column is not what the frozen bytes say", zh: "列值与冻结字节不符" },
  manifest_missing: { en: "there is no manifest for this hour", zh: "该小时没有清单" },
} as const satisfies Record<string, Text>;

export type ProofProblem = keyof typeof PROOF_PROBLEMS;

/** One difference, and where it is. */
export interface Finding {
  code: ProofProblem;
  hour: string;
  /** A serial number, an instance, a line or a field. */
  where: string;
  expected?: string | undefined;
  found?: string | undefined;
}
