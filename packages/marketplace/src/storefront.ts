import type { Micros } from "@quarterpast/domain";

/** How a thing is sold, as an order says it; both kinds of packages are one there. */
export type OrderedMode = "pay_per_use" | "package" | "per_use" | "period";

/** What a customer is told of what was bought; what is absent is not told. */
export interface Provided {
  subject?: string;
  frontEndUrl?: string;
  adminUrl?: string;
  userName?: string;
  password?: string;
  memo?: string;
  dashboardUrl?: string;
}

/** Something bought, as the marketplace asks for it; what is null has to be learned by {@link Orders}. */
export interface Purchase {
  /** The id that it is to have; the first one of an order and item holds for ever. */
  businessId: string;
  orderId: string;
  /** What of the order: a line, or a product. */
  item: string;
  /** Version of the wire that asked. Order and item of different versions are different purchases. */
  version: string;
  productId: string | null;
  mode: OrderedMode | null;
  customerId: string | null;
  customerName: string | null;
  expires: Micros | null;
  terms: Record<string, unknown>;
}

/** Why an act was not done; a closed set. `failed` is our fault and passes: the marketplace may ask again. */
export type NotDone =
  | { outcome: "unknown_instance"; instanceId: string }
  /** The id of a purchase is the instance id of another order. */
  | { outcome: "id_taken" }
  /** It goes on by itself, or waits for a person. */
  | { outcome: "processing"; instanceId: string; detail: string }
  | { outcome: "refused"; message: string }
  | { outcome: "failed"; detail: string };

export type Acted = { outcome: "done" } | NotDone;
export type Opened = { outcome: "done"; instanceId: string; provided: Provided } | NotDone;

/** What was used of an instance or of an item of a package. */
export interface ShownUsage {
  /** Of a package: the pay-per-use instance it belongs to. */
  relatedInstanceId?: string;
  /** Decimal text, up to `at`; open hours included. */
  quantity: string;
  at: Micros;
  dashboardUrl?: string;
}

export interface ShownInstance {
  instanceId: string;
  provided: Provided;
  usage: ShownUsage[];
}

/** What became of a question for instances. */
export interface Shown {
  instances: ShownInstance[];
  /** Those that are being opened. */
  opening: string[];
  unknown: string[];
}

/**
 * An extension act of one marketplace that the seller's own service is asked, on the spot: its name and its data are
 * typed and documented in the marketplace's folder.
 */
export interface Question {
  act: string;
  instanceId: string;
  data: object;
}

/** What the seller's service said; `not_asked` if there is none to ask. */
export type Replied =
  | { outcome: "answered"; reply: unknown }
  | { outcome: "not_asked" }
  | Extract<NotDone, { outcome: "unknown_instance" | "failed" }>;

/** An extension act of one marketplace that the seller's own service is told, once by its key. */
export interface News {
  act: string;
  /** What it is about: news of one thing arrives in order. */
  ref: string;
  key: string;
  data: object;
}

/**
 * Our own acts, which a marketplace's wire calls; the same for every marketplace. Each may be asked for again: what was
 * done already is not done twice.
 */
export interface Storefront {
  /** Answers within `withinMs`: an opening that takes longer goes on by itself. */
  open(purchase: Purchase, withinMs: number): Promise<Opened>;
  /** Sets when it ends, once by `orderRef`; what was suspended because it had expired goes on. */
  renew(of: { instanceId: string; orderRef: string; scene: string; expires: Micros }): Promise<Acted>;
  suspend(of: { instanceId: string; why: "status" | "expired" }): Promise<Acted>;
  resume(of: { instanceId: string }): Promise<Acted>;
  /** Another specification of the same instance, once by its order. What the call does not say itself is in `item`. */
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
  /** Looks an order up and keeps it, after the answer. */
  learn(orderId: string, item: string): void;
  /** A purchase that is only tried: apart from all production rows. */
  rehearse(purchase: Pick<Purchase, "businessId" | "orderId" | "item">): Promise<Opened>;
  /** What a customer is told if neither product nor seller say otherwise. */
  template: Provided;
  /** Product time. */
  now(): Micros;
  /** The products of these instances, as far as they are known. */
  productsOf(instanceIds: readonly string[]): Promise<string[]>;
}

/** What was bought by one item of an order, as the marketplace has it. */
export interface OrderedItem {
  /** Of several, a person chooses. */
  productIds: string[];
  customerId: string | null;
  customerName: string | null;
  expires: Micros | null;
  /** What it says beyond that; `mode` is an {@link OrderedMode}. */
  terms: Record<string, unknown>;
}

/** What a look-up of an order found; `retry` may be another next time, `refused` is so until something changes. */
export type FoundItem =
  /** `raw`: the marketplace's answer, as it came. The order may lack the item. */
  | { kind: "order"; item: OrderedItem | undefined; raw: string }
  | { kind: "retry" | "refused"; code: string; detail: string };

/** The marketplace's orders. */
export interface Orders {
  find(orderId: string, item: string): Promise<FoundItem>;
}

/** A request to the production address, as it came. */
export interface WireRequest {
  method: string;
  /** What follows the `?` of the address. */
  query: string;
  body: Buffer;
}

/** A call of the marketplace as it is kept, with what became of it. Credentials of customers are in none of its texts. */
export interface TakenCall {
  /** Of the wire. */
  version: string;
  /** As the wire names it; empty if it could not be read. */
  activity: string;
  /** Whether it is a trial of the marketplace, apart from all production rows. */
  test: boolean;
  query: string;
  body: string;
  /** Whether one of our keys signed it; only such a call can be run again. */
  authentic: boolean;
  /** Whether all that was asked for was done. */
  ok: boolean;
  /** The wire's own. */
  code: string;
  /** For us: what the marketplace is not told. */
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
  /** Never rejects, and answers in the marketplace's time. */
  answer(request: WireRequest): Promise<{ reply: WireReply; call: TakenCall }>;
  /** The answer to a request that cannot be read at all. @param ours whether the fault is ours */
  refuse(ours: boolean): WireReply;
  /** Runs a call again that was kept, as if the marketplace had repeated it, its signature and time aside. */
  rerun(call: Pick<TakenCall, "version" | "query" | "body" | "authentic">): Promise<TakenCall>;
}

/** What the storefront has of an account's marketplace. */
export interface StorefrontSide {
  /** Undefined if the account has no access to them. */
  orders: Orders | undefined;
  wire(storefront: Storefront): StorefrontWire;
  /** Ends idle connections. */
  close(): Promise<void>;
}

/** What the storefront's side of a marketplace takes from outside itself. */
export interface StorefrontIo {
  /** Real time: signatures go by it. */
  real: () => Micros;
  /** That many random letters and digits. */
  letters: (count: number) => string;
  /** Keeps a one-time token of a call; false if it was kept before: the call is a replay. `forgetAt` is real time. */
  isFirst: (token: { nonce: string; forgetAt: Micros }) => Promise<boolean>;
  /** Notes a fault of ours. */
  onError: (error: unknown, what: string) => void;
}
