import type { CodeForm, ListRules } from "../table/rules.js";

/** Codes of records have three digits, with or without a prefix (koogallery.md 1.5). */
export const RECORD_CODE_FORM: CodeForm = { prefixes: ["MKT", "CBC", "SDR"], digits: 3 };

const SERIAL_NUMBER = [
  "meteringsn",
  "serialnumber",
  "sdrid",
  "sdruniqueid",
  "话单唯一标识",
  "话单唯一id",
  "话单id",
  "话单编号",
  "话单号",
];
const INSTANCE = ["instanceid", "instance", "实例id", "实例编号", "实例"];
const BEGIN = ["begintime", "begin", "starttime", "计量开始时间", "开始时间", "起始时间"];
const END = ["endtime", "end", "计量结束时间", "结束时间"];
const QUANTITY = ["usagevalue", "usage", "quantity", "使用量", "用量"];

/**
 * Names in KooGallery's lists of bill records, transaction details and bills. The columns of the console's exports
 * are not documented (koogallery.md 11.6), so these are the names in use, English and Chinese; an import's profile
 * adds any others.
 */
export const LISTS: ListRules = {
  headers: {
    sdr: {
      serialNumber: SERIAL_NUMBER,
      instanceId: INSTANCE,
      begin: BEGIN,
      end: END,
      quantity: QUANTITY,
      state: ["state", "status", "sdrstatus", "话单状态", "状态"],
      code: ["errorcode", "code", "错误码", "异常码", "异常编码"],
      collectedAt: ["collectedat", "collected", "collectiontime", "采集时间", "归集时间", "出账时间"],
    },
    bill: {
      month: ["month", "billingmonth", "billingperiod", "billcycle", "账期", "账单月份", "月份", "结算月份"],
      serialNumber: SERIAL_NUMBER,
      instanceId: [...INSTANCE, "resourceid", "资源id", "资源编号"],
      product: [
        "product",
        "productid",
        "productname",
        "商品",
        "商品id",
        "产品id",
        "商品名称",
        "产品名称",
        "规格id",
      ],
      customer: [
        "customer",
        "customeraccount",
        "customername",
        "customerid",
        "客户账号",
        "客户名称",
        "客户",
        "买家账号",
      ],
      orderId: ["order", "orderid", "orderno", "ordernumber", "订单号", "订单编号", "订单id", "交易流水号"],
      begin: [...BEGIN, "transactiontime", "consumptiontime", "交易时间", "消费时间", "消费开始时间"],
      end: [...END, "消费结束时间"],
      quantity: QUANTITY,
      amount: [
        "amount",
        "payable",
        "totalamount",
        "settlementamount",
        "金额",
        "应付金额",
        "实付金额",
        "交易金额",
        "结算金额",
        "消费金额",
      ],
      currency: ["currency", "币种", "货币"],
      type: ["type", "transactiontype", "billtype", "交易类型", "账单类型", "订单类型"],
    },
  },
  states: {
    pending: "pending",
    processing: "pending",
    待处理: "pending",
    处理中: "pending",
    待校验: "pending",
    normal: "normal",
    valid: "normal",
    正常: "normal",
    abnormal: "abnormal",
    异常: "abnormal",
    billed: "billed",
    collected: "billed",
    已出账: "billed",
    已归集: "billed",
    已采集: "billed",
  },
  codes: RECORD_CODE_FORM,
};
