import type { Micros } from "@quarterpast/domain";
import type { OrderedMode, Purchase, ShownInstance } from "../../storefront.js";
import type { ResultCode } from "./resultCodes.js";

/** What KooGallery asks for, in either version. */
export type Asked =
  | ({ activity: "newInstance"; mode: OrderedMode | null } & Purchase)
  | { activity: "queryInstance"; instanceIds: string[] }
  | {
      activity: "refreshInstance";
      instanceId: string;
      /** Identifies this renewal, however often it is sent. */
      orderRef: string;
      scene: string;
      expires: Micros;
    }
  | { activity: "setStatus"; instanceId: string; freeze: boolean; why: "status" | "expired" }
  | { activity: "releaseInstance"; instanceId: string; orderRef: string }
  | {
      activity: "upgradeInstance";
      instanceId: string;
      orderId: string;
      /** Undefined in V1.0, which names the product itself. */
      item: string | undefined;
      productId: string | undefined;
      terms: Record<string, unknown>;
    }
  | { activity: "changeInstanceCheck"; instanceId: string; productInfo: Record<string, unknown> }
  | { activity: "orderNotify"; orderId: string; item: string };

/** A parsed call: what it asks for, and whether it is a debugging case. */
export interface Asking {
  asked: Asked;
  test: boolean;
}

/** The answer to a call, in either version. */
export interface Answer {
  code: ResultCode;
  /** For the marketplace: what is wrong. */
  message?: string;
  /** Only for us. */
  detail?: string;
  instanceId?: string;
  /** For a new instance: what its customer sees. */
  provided?: ShownInstance["provided"];
  instances?: ShownInstance[];
}

/** An answer that refuses. @param message for the marketplace */
export const refuse = (code: ResultCode, message: string): Answer => ({ code, message });

/** The instance or order that a call is about; empty if it is about several. */
export function refOf(asked: Asked): string {
  switch (asked.activity) {
    case "newInstance":
    case "orderNotify":
      return asked.orderId;
    case "queryInstance":
      return asked.instanceIds.length === 1 ? asked.instanceIds[0]! : "";
    default:
      return asked.instanceId;
  }
}
