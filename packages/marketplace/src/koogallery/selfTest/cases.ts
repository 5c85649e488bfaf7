import { randomUUID } from "node:crypto";

/** Versions of the interface, and selling modes (koogallery.md 5). */
export const VERSIONS = ["v2", "v1"] as const;
export type Version = (typeof VERSIONS)[number];
export const MODES = ["pay_per_use", "package", "stop_package", "per_use", "period"] as const;
export type Mode = (typeof MODES)[number];

export type Reply = Record<string, unknown>;

/** What a case passes to the next ones of its mode. */
export interface Session {
  orderId: string;
  orderLineId: string;
  instanceId: string;
}

export interface DebugCase {
  version: Version;
  mode: Mode;
  name: string;
  /** Fields of the call besides testFlag and those of the authentication. */
  fields: (session: Session) => Record<string, string | object>;
  /** What the console requires of the answer besides the result code. */
  wants: "instance" | "info" | "result";
  /** Whether it must return the instance id of the previous case, because debugging is repeatable. */
  repeats: boolean;
}

type Step = Omit<DebugCase, "version" | "mode">;

const step = (
  name: string,
  fields: Step["fields"],
  wants: Step["wants"] = "result",
  repeats = false,
): Step => ({ name, fields, wants, repeats });

const EXPIRES = "20991231235959";
const instanceOf = ({ instanceId }: Session) => ({ instanceId });
const orderOf = ({ orderId, orderLineId }: Session) => ({ orderId, orderLineId });

const create = (session: Session) => ({
  activity: "newInstance",
  ...orderOf(session),
  businessId: randomUUID(),
});
const V2 = {
  create: step("newInstance", create, "instance"),
  again: step("newInstance, repeated", create, "instance", true),
  query: step("queryInstance", (session) => ({ activity: "queryInstance", ...instanceOf(session) }), "info"),
  update: step("refreshInstance", (session) => ({
    ...{ activity: "refreshInstance", scene: "RENEWAL", productId: "selftest", expireTime: EXPIRES },
    ...{ ...orderOf(session), ...instanceOf(session) },
  })),
  freeze: step("updateInstanceStatus FREEZE", (session) => ({
    ...{ activity: "updateInstanceStatus", status: "FREEZE", ...instanceOf(session) },
  })),
  unfreeze: step("updateInstanceStatus UNFREEZE", (session) => ({
    ...{ activity: "updateInstanceStatus", status: "UNFREEZE", ...instanceOf(session) },
  })),
  upgrade: step("upgradeInstance", (session) => ({
    ...{ activity: "upgradeInstance", ...orderOf(session), ...instanceOf(session) },
  })),
  check: step("changeInstanceCheck", (session) => ({
    ...{ activity: "changeInstanceCheck", ...instanceOf(session) },
    productInfo: { linearValue: 1, productId: "selftest" },
  })),
  notify: step("orderNotify", (session) => ({ activity: "orderNotify", ...orderOf(session) })),
  release: step("releaseInstance", (session) => ({
    ...{ activity: "releaseInstance", ...orderOf(session), ...instanceOf(session) },
  })),
};

const createV1 = (chargingMode: string, more: Record<string, string>) => (session: Session) => ({
  activity: "newInstance",
  customerId: "68cbc86abc2018ab880d92f36422fa0e",
  customerName: "selftest 自测",
  businessId: randomUUID(),
  orderId: session.orderId,
  productId: "selftest",
  skuCode: "selftest",
  chargingMode,
  ...more,
});
const buyV1 = (name: string, mode: string, more: Record<string, string> = {}) => [
  step(`newInstance (${name})`, createV1(mode, more), "instance"),
  step(`newInstance (${name}), repeated`, createV1(mode, more), "instance", true),
];
const namedV1 =
  (activity: string, more: Record<string, string> = {}) =>
  (session: Session) => ({
    ...{ activity, ...instanceOf(session), orderId: session.orderId, ...more },
  });
const V1 = {
  query: step("queryInstance", (session) => ({ activity: "queryInstance", ...instanceOf(session) }), "info"),
  freeze: step("instanceStatus FREEZE", namedV1("instanceStatus", { instanceStatus: "FREEZE" })),
  unfreeze: step("instanceStatus NORMAL", namedV1("instanceStatus", { instanceStatus: "NORMAL" })),
  renew: step("refreshInstance", namedV1("refreshInstance", { expireTime: EXPIRES, productId: "selftest" })),
  expire: step("expireInstance", namedV1("expireInstance")),
  upgrade: step("upgrade", namedV1("upgrade", { skuCode: "selftest", productId: "selftest", amount: "2" })),
  release: step("releaseInstance", namedV1("releaseInstance")),
};

const PERIOD_V1 = { periodType: "month", periodNumber: "1", expireTime: EXPIRES, orderAmount: "1.5" };

/** The cases of each selling mode in the order they are run (koogallery.md 5). */
const CASES: Record<Version, Record<Mode, readonly Step[]>> = {
  v2: {
    pay_per_use: [V2.create, V2.again, V2.query, V2.update, V2.freeze, V2.unfreeze, V2.notify, V2.release],
    package: [V2.create, V2.again, V2.query, V2.update, V2.freeze, V2.unfreeze, V2.release],
    stop_package: [V2.create, V2.again, V2.query, V2.update, V2.freeze, V2.unfreeze, V2.release],
    per_use: [V2.create, V2.again, V2.query, V2.release],
    period: [
      ...[V2.create, V2.again, V2.query, V2.update, V2.freeze, V2.unfreeze],
      ...[V2.upgrade, V2.check, V2.release],
    ],
  },
  v1: {
    pay_per_use: [...buyV1("0", "0"), V1.query, V1.freeze, V1.unfreeze, V1.release],
    package: [...buyV1("5", "5", { expireTime: EXPIRES }), V1.query, V1.freeze, V1.unfreeze, V1.release],
    stop_package: [
      ...buyV1("0", "0"),
      ...buyV1("5", "5", { expireTime: EXPIRES }),
      ...[V1.query, V1.freeze, V1.unfreeze, V1.release],
    ],
    per_use: [...buyV1("3", "3"), V1.release],
    period: [...buyV1("1", "1", PERIOD_V1), V1.renew, V1.expire, V1.upgrade, V1.release],
  },
};

/** The cases of some versions and modes; none of those that are not known. */
export function casesOf(wanted: { versions: readonly string[]; modes: readonly string[] }): DebugCase[] {
  const modes = MODES.filter((mode) => wanted.modes.includes(mode));
  return VERSIONS.filter((version) => wanted.versions.includes(version)).flatMap((version) =>
    modes.flatMap((mode) => CASES[version][mode].map((one) => ({ version, mode, ...one }))),
  );
}

/** A new session for one mode, with its own order. */
export function openSession(): Session {
  const orderId = `SELFTEST${Date.now()}`;
  return { orderId, orderLineId: `${orderId}-000001`, instanceId: "" };
}

/** Stores what the next cases need from an answer. */
export function follow(session: Session, reply: Reply | undefined): Session {
  const { instanceId } = reply ?? {};
  return typeof instanceId === "string" ? { ...session, instanceId } : session;
}
