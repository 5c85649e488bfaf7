import type { SdrState } from "../ledger/entry.js";
import type { SdrRow } from "./list.js";

/** All texts for a person in one language. */
export type Words = {
  title: string;
  sites: { cn: string; intl: string };
  productTime: string;
  nextHourly: string;
  nextDaily: string;
  inTime: (seconds: number) => string;
  states: Record<SdrState, string>;
  columns: Record<keyof SdrRow, string>;
  records: string;
  latest: (shown: number, total: number) => string;
  totals: string;
  hour: string;
  usage: string;
  count: string;
  billed: string;
  nothing: string;
  exports: string;
  other: string;
};

const zh: Words = {
  title: "话单管理(沙箱)",
  sites: { cn: "中国站", intl: "国际站" },
  productTime: "产品时间",
  nextHourly: "下次按小时采集",
  nextDaily: "下次按天采集",
  inTime: (seconds) => `还有 ${Math.floor(seconds / 60)} 分 ${seconds % 60} 秒`,
  states: { pending: "待校验", normal: "正常", abnormal: "异常", billed: "已出账" },
  columns: {
    metering_sn: "话单唯一标识",
    instance_id: "实例ID",
    relate_pkg_instance: "关联套餐包实例ID",
    begin_time: "计量开始时间",
    end_time: "计量结束时间",
    usage_value: "使用量",
    record_time: "话单生成时间",
    received_at: "接收时间",
    state: "状态",
    error_code: "异常码",
    error_msg: "异常原因",
    collected_at: "采集时间",
  },
  records: "话单",
  latest: (shown, total) => `最近 ${shown} 条,共 ${total} 条`,
  totals: "每小时每实例合计",
  hour: "小时(UTC)",
  usage: "使用量",
  count: "话单数",
  billed: "已出账",
  nothing: "暂无数据",
  exports: "导出",
  other: "English",
};

const en: Words = {
  title: "SDR management (sandbox)",
  sites: { cn: "China site", intl: "International site" },
  productTime: "Product time",
  nextHourly: "Next hourly collection",
  nextDaily: "Next daily collection",
  inTime: (seconds) => `in ${Math.floor(seconds / 60)} min ${seconds % 60} s`,
  states: { pending: "pending", normal: "normal", abnormal: "abnormal", billed: "billed" },
  columns: {
    metering_sn: "Serial number",
    instance_id: "Instance ID",
    relate_pkg_instance: "Package instance ID",
    begin_time: "Begin",
    end_time: "End",
    usage_value: "Usage",
    record_time: "Record time",
    received_at: "Received",
    state: "State",
    error_code: "Error code",
    error_msg: "Error",
    collected_at: "Collected",
  },
  records: "Bill records",
  latest: (shown, total) => `latest ${shown} of ${total}`,
  totals: "Totals per hour and instance",
  hour: "Hour (UTC)",
  usage: "Usage",
  count: "Records",
  billed: "Billed",
  nothing: "Nothing yet",
  exports: "Export",
  other: "中文",
};

export const words: Record<"zh" | "en", Words> = { zh, en };
