import type { Micros } from "@quarterpast/domain";

/** How a thing is sold, according to an order, which does not distinguish the two kinds of packages. */
export type OrderedMode = "pay_per_use" | "package" | "per_use" | "period";

/** What a customer sees of a purchase; absent fields are not shown. */
export interface Provided {
  subject?: string;
  frontEndUrl?: string;
  adminUrl?: string;
  userName?: string;
  password?: string;
  memo?: string;
  dashboardUrl?: string;
}

/** A purchase, as the marketplace requests it; what is null must be looked up in {@link Orders}. */
export interface Purchase {
  /** The id it is to have; the first one of an order and item never changes. */
  businessId: string;
  orderId: string;
  /** The part of the order: a line, or a product. */
  item: string;
  /** Version of the wire of the request. Order and item of different versions are different purchases. */
  version: string;
  productId: string | null;
  mode: OrderedMode | null;
  customerId: string | null;
  customerName: string | null;
  expires: Micros | null;
  terms: Record<string, unknown>;
}

/** Why an act was not done; a closed set. `failed` is our fault and temporary: the marketplace may ask again. */
export type NotDone =
  | { outcome: "unknown_instance"; instanceId: string }
  /** The id of a purchase is the instance id of another order. */
  | { outcome: "id_taken" }
  /** It continues in the background, or waits for a person. */
  | { outcome: "processing"; instanceId: string; detail: string }
  | { outcome: "refused"; message: string }
  | { outcome: "failed"; detail: string };

export type Acted = { outcome: "done" } | NotDone;
export type Opened = { outcome: "done"; instanceId: string; provided: Provided } | NotDone;

/** Usage of an instance or of an item of a package. */
export interface ShownUsage {
  /** For a package: the pay-per-use instance it belongs to. */
  relatedInstanceId?: string;
  /** Decimal text, up to `at`; including open hours. */
  quantity: string;
  at: Micros;
  dashboardUrl?: string;
}

export interface ShownInstance {
  instanceId: string;
  provided: Provided;
  usage: ShownUsage[];
}

/** The result of a query for instances. */
export interface Shown {
  instances: ShownInstance[];
  /** Instances being opened. */
  opening: string[];
  unknown: string[];
}

/**
 * An extension act of one marketplace that asks the seller's own service, synchronously: its name and data are typed
 * and documented in the marketplace's folder.
 */
export interface Question {
  act: string;
  instanceId: string;
  data: object;
}

/** The seller's service's answer; `not_asked` if there is none. */
export type Replied =
  | { outcome: "answered"; reply: unknown }
  | { outcome: "not_asked" }
  | Extract<NotDone, { outcome: "unknown_instance" | "failed" }>;

/** An extension act of one marketplace that notifies the seller's own service, once per key. */
export interface News {
  act: string;
  /** What it is about: notifications about one thing arrive in order. */
  ref: string;
  key: string;
  data: object;
}

/**
 * Our own acts, called by a marketplace's wire; the same for every marketplace. Each may be repeated: what was done
 * already is not done twice.
 */
export interface Storefront {
  /** Answers within `withinMs`: an opening that takes longer continues in the background. */
  open(purchase: Purchase, withinMs: number): Promise<Opened>;
  /** Sets when it ends, once per `orderRef`; resumes what was suspended because it had expired. */
  renew(of: { instanceId: string; orderRef: string; scene: string; expires: Micros }): Promise<Acted>;
  suspend(of: { instanceId: string; why: "status" | "expired" }): Promise<Acted>;
  resume(of: { instanceId: string }): Promise<Acted>;
  /** Changes the specification of an instance, once per order. What the call itself lacks is in `item`. */
  change(of: {
    instanceId: string;
    orderId: string;
    item?: string | undefined;
    productId?: string | undefined;
    terms: Record<string, unknown>;
  }): Promise<Acted>;
  close(of: { instanceId: string; orderRef: string }): Promise<Acted>;
  query(instanceIds: readonly string[]): Promise<Shown>;
  ask(question: Question, withinMs: number): Promise<Replied>;
  tell(news: News): Promise<Acted>;
  /** Looks an order up and stores it, after the answer. */
  learn(orderId: string, item: string): void;
  /** A trial purchase: apart from all production rows. */
  rehearse(purchase: Pick<Purchase, "businessId" | "orderId" | "item">): Promise<Opened>;
  /** What a customer sees if neither product nor seller say otherwise. */
  template: Provided;
  /** Product time. */
  now(): Micros;
  /** The products of these instances, if known. */
  productsOf(instanceIds: readonly string[]): Promise<string[]>;
}

/** What one item of an order bought, according to the marketplace. */
export interface OrderedItem {
  /** If there are several, a person chooses. */
  productIds: string[];
  customerId: string | null;
  customerName: string | null;
  expires: Micros | null;
  /** Its other terms; `mode` is an {@link OrderedMode}. */
  terms: Record<string, unknown>;
}

/** The result of looking up an order; `retry` may differ next time, `refused` stays until something changes. */
export type FoundItem =
  /** `raw`: the marketplace's answer, unparsed. The order may lack the item. */
  | { kind: "order"; item: OrderedItem | undefined; raw: string }
  | { kind: "retry" | "refused"; code: string; detail: string };

/** The marketplace's orders. */
export interface Orders {
  find(orderId: string, item: string): Promise<FoundItem>;
}

/** A request to the production address, unparsed. */
export interface WireRequest {
  method: string;
  /** The part of the URL after `?`. */
  query: string;
  body: Buffer;
}

/** A call of the marketplace as stored, with its outcome. None of its texts contains credentials of customers. */
export interface TakenCall {
  /** Version of the wire. */
  version: string;
  /** As named by the wire; empty if it could not be read. */
  activity: string;
  /** Whether it is a trial of the marketplace, apart from all production rows. */
  test: boolean;
  query: string;
  body: string;
  /** Whether one of our keys signed it; only such a call can be run again. */
  authentic: boolean;
  /** Whether everything asked for was done. */
  ok: boolean;
  /** The wire's own code. */
  code: string;
  /** Only for us, not for the marketplace. */
  detail: string;
  reply: string;
  /** The instance or order it is about; empty if none or several. */
  ref: string;
}

export interface WireReply {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** A marketplace's wire at one production address: reads, checks and answers what it sends. */
export interface StorefrontWire {
  methods: readonly ("GET" | "POST")[];
  bodyBytesMax: number;
  /** Never rejects, and answers within the marketplace's time limit. */
  answer(request: WireRequest): Promise<{ reply: WireReply; call: TakenCall }>;
  /** The answer to an unreadable request. @param ours whether the fault is ours */
  refuse(ours: boolean): WireReply;
  /** Runs a stored call again, as if the marketplace had repeated it, without checking signature and time. */
  rerun(call: Pick<TakenCall, "version" | "query" | "body" | "authentic">): Promise<TakenCall>;
}

/** The storefront's side of an account's marketplace. */
export interface StorefrontSide {
  /** Undefined if the account has no access to them. */
  orders: Orders | undefined;
  wire(storefront: Storefront): StorefrontWire;
  /** Ends idle connections. */
  close(): Promise<void>;
}

/** What the storefront's side of a marketplace takes from outside. */
export interface StorefrontIo {
  /** Real time, which signatures use. */
  real: () => Micros;
  /** Returns `count` random letters and digits. */
  letters: (count: number) => string;
  /**
   * Stores a one-time token of a call; false if it was stored before: the call is a replay. `forgetAt` is real time.
   */
  isFirst: (token: { nonce: string; forgetAt: Micros }) => Promise<boolean>;
  /** Reports a fault of ours. */
  onError: (error: unknown, what: string) => void;
}
