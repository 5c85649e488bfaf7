import type { QuarantineReason } from "../errors.js";
import type { Text } from "../text.js";

/**
 * What ends a wait in quarantine, by its reason. An event that cannot be counted as it came is sent again, corrected,
 * under a new id, and the waiting event is written off: an event is never edited.
 */
export const QUARANTINE_ADVICE: Record<QuarantineReason, Text> = {
  unknown_meter: {
    en: "add the meter (quarterpast meters add): waiting events are then counted automatically",
    zh: "请添加计量项（quarterpast meters add）：等待的事件随后自动计入",
  },
  unknown_account: {
    en: "declare the account and add its instance, or say which account is meant (quarterpast quarantine assign --account …): waiting events are then counted automatically",
    zh: "请声明该账户并添加实例，或指明所属账户（quarterpast quarantine assign --account …）：等待的事件随后自动计入",
  },
  ambiguous_account: {
    en: "say which account is meant (quarterpast quarantine assign --account …; with --always for what comes later too): waiting events are then counted automatically; or let events name it by the attribute account",
    zh: "请指明所属账户（quarterpast quarantine assign --account …；加 --always 则对以后的事件同样生效）：等待的事件随后自动计入；或让事件用 account 属性指明",
  },
  unknown_instance: {
    en: "add the instance with the time it was opened (quarterpast instances add): waiting events are then counted automatically",
    zh: "请添加实例并填写开通时间（quarterpast instances add）：等待的事件随后自动计入",
  },
  instance_closed: {
    en: "usage after the end of its instance: add the instance that followed, or write it off (quarterpast quarantine write-off)",
    zh: "实例关闭后的用量：请添加后续实例，或核销（quarterpast quarantine write-off）",
  },
  instance_suspended: {
    en: "usage while its instance was suspended is not billed: stop the service in time, and write it off (quarterpast quarantine write-off)",
    zh: "实例暂停期间的用量不计费：请及时停止服务，并核销（quarterpast quarantine write-off）",
  },
  quantity_missing: {
    en: "send it again under a new id with data.quantity, then write the waiting one off (quarterpast quarantine write-off)",
    zh: "请以新 id 补发并带上 data.quantity，然后核销等待的事件（quarterpast quarantine write-off）",
  },
  value_missing: {
    en: "send it again under a new id with data.value, then write the waiting one off (quarterpast quarantine write-off)",
    zh: "请以新 id 补发并带上 data.value，然后核销等待的事件（quarterpast quarantine write-off）",
  },
  scale_exceeded: {
    en: "let the meter have more decimals (quarterpast meters rescale): it is then counted automatically; or send it again under a new id with fewer, and write it off",
    zh: "请增加计量项的小数位（quarterpast meters rescale）：随后自动计入；或以新 id 按精度补发并核销等待的事件",
  },
  correction_waits: {
    en: "the event it corrects is not counted: see whether that was sent, or waits itself; if it never comes, write the correction off",
    zh: "被更正的事件尚未计入：请检查其是否已发送或也在等待；若不会到达，请核销该更正",
  },
  correction_mismatch: {
    en: "send a correction with the subject, meter and account of the mistaken event, then write this one off",
    zh: "请按原事件的主体、计量项与账户重新发送更正，然后核销此更正",
  },
  correction_impossible: {
    en: "this meter cannot be corrected like this: settle it with the customer, then write it off",
    zh: "该计量项不支持此更正：请与客户另行结算，然后核销",
  },
  corrected_already: {
    en: "correct the event that did so first: send it with that event's id, then write this one off",
    zh: "请针对最近一次更正事件重新发送更正，然后核销此事件",
  },
  cannot_be_stored: {
    en: "send it again under a new id without the characters that the database refuses, then write it off",
    zh: "请去除数据库无法保存的字符后以新 id 补发，然后核销",
  },
};
