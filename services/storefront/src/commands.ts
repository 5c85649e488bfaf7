import type { Micros, SellingMode } from "@quarterpast/domain";
import type { ResultCode } from "@quarterpast/marketplace";
import type { Provided } from "@quarterpast/store";

/** Selling modes as a call or an order names them; both kinds of packages are one there. */
export type OrderedMode = Exclude<SellingMode, "stop_package">;

/** What the marketplace asks for, whichever version it speaks. */
export type Command =
  | NewInstance
  | { activity: "queryInstance"; instanceIds: string[] }
  | {
      activity: "refreshInstance";
      instanceId: string;
      /** What makes this renewal one renewal, however often it is sent. */
      orderRef: string;
      scene: string;
      expires: Micros;
    }
  | { activity: "setStatus"; instanceId: string; frozen: boolean; why: "status" | "expired" }
  | { activity: "releaseInstance"; instanceId: string; orderRef: string }
  | {
      activity: "upgradeInstance";
      instanceId: string;
      orderId: string;
      /** Undefined in V1.0, which names the product itself. */
      line: string | undefined;
      productId: string | undefined;
      terms: Record<string, unknown>;
    }
  | { activity: "changeInstanceCheck"; instanceId: string; productInfo: Record<string, unknown> }
  | { activity: "orderNotify"; orderId: string; line: string };

export interface NewInstance {
  activity: "newInstance";
  version: "v1" | "v2";
  businessId: string;
  orderId: string;
  /** V2.0: the order line. V1.0: the product. */
  item: string;
  productId: string | null;
  mode: OrderedMode | null;
  customerId: string | null;
  customerName: string | null;
  expires: Micros | null;
  terms: Record<string, unknown>;
}

/** Usage of an instance as the marketplace shows it (koogallery.md 3.2). */
export interface UsageInfo {
  /** For a package: the pay-per-use instance it belongs to. */
  relatedInstanceId?: string;
  /** Decimal text with up to 4 decimals. */
  usageValue: string;
  statisticalTime: string;
  dashboardUrl?: string;
}

export interface InstanceInfo {
  instanceId: string;
  app: Provided;
  usage: UsageInfo[];
}

/** What the marketplace is answered, whichever version it speaks. */
export interface Answer {
  code: ResultCode;
  /** For the marketplace: what is wrong. */
  message?: string;
  /** For us alone. */
  detail?: string;
  instanceId?: string;
  app?: Provided;
  info?: InstanceInfo[];
}

/** A call that was read: what it asks for, whether for a debugging case, and what it is about. */
export interface Request {
  command: Command;
  test: boolean;
}

/** The instance or order that a command is about. */
export function refOf(command: Command): string {
  switch (command.activity) {
    case "newInstance":
    case "orderNotify":
      return command.orderId;
    case "queryInstance":
      return command.instanceIds.length === 1 ? command.instanceIds[0]! : "";
    default:
      return command.instanceId;
  }
}

export const refuse = (code: ResultCode, message: string): Answer => ({ code, message });
export const UNKNOWN_INSTANCE = (id: string) => refuse("000003", `instance ID does not exist: ${id}`);
