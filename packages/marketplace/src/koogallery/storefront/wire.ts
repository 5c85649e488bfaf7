import type {
  Storefront,
  StorefrontIo,
  StorefrontWire,
  TakenCall,
  WireReply,
  WireRequest,
} from "../../storefront.js";
import { allKeys, type Keyring } from "../keyring.js";
import { act } from "./act.js";
import { admitV1, admitV2, type Admission } from "./admit.js";
import { maskAnswer, writeAnswer } from "./answer.js";
import { refOf, refuse, type Answer, type Asking } from "./call.js";
import type { Read } from "./fields.js";
import { holdsForCall } from "./owner.js";
import { readQuery } from "./query.js";
import type { EncryptionType } from "./sensitive.js";
import { bodySign, findV1Key } from "./sign.js";
import { readV1 } from "./v1.js";
import { readV2 } from "./v2.js";

/** One address for both versions: POST is V2.0, GET is V1.0. */
type Version = "v1" | "v2";

const BODY_BYTES = 65_536;
/** How much is stored of a call that none of our keys signed. */
const UNSIGNED_CHARS = 2_000;
const KEPT_CHARS = 16_384;
const DETAIL_CHARS = 1_000;

/** How an account communicates with KooGallery. */
export interface KooGalleryStorefrontSettings {
  /** How far a call's time may differ from ours, in real seconds (koogallery.md 3.1, 3.3). */
  windowSeconds: { v1: number; v2: number };
  /** Whether answers of V2.0 also carry the header Body-Sign (koogallery.md 3, general demands). */
  signV2Answers: boolean;
  /** Encryption of userName and password; undefined: they are sent in plain text. */
  credentials: { v1: EncryptionType; v2: EncryptionType | undefined };
}

interface WireDeps {
  storefront: Storefront;
  keys: () => Keyring;
  settings: KooGalleryStorefrontSettings;
  io: StorefrontIo;
}

/** The result of a call. */
interface Outcome {
  admission: Admission;
  read: Read<Asking> | undefined;
  answer: Answer;
}

/** KooGallery's wire: every request is answered with a result code and HTTP 200 (koogallery.md 3.7). */
export function kooGalleryWire(deps: WireDeps): StorefrontWire {
  const { keys, settings, io } = deps;
  return {
    methods: ["POST", "GET"],
    bodyBytesMax: BODY_BYTES,
    async answer(request) {
      const version = request.method === "GET" ? "v1" : "v2";
      const outcome = await answerTo(deps, version, request);
      const { admission, answer } = outcome;
      const key = admission.ok ? admission.key : allKeys(keys())[0]!;
      const body = writeAnswer(answer, styleOf(deps, version, key));
      const isSigned = version === "v1" || settings.signV2Answers;
      const reply = replyOf(body, isSigned ? bodySign(key, body) : undefined);
      return { reply, call: describe(version, request, outcome, body) };
    },
    refuse: (ours) => {
      const answer: Answer = ours ? { code: "000005" } : refuse("000002", "invalid parameter");
      return replyOf(
        writeAnswer(answer, { version: "v2", key: "", encryption: undefined, letters: io.letters }),
      );
    },
    rerun: (call) => rerun(deps, call),
  };
}

const styleOf = ({ settings, io }: WireDeps, version: Version, key: string) => ({
  ...{ version, key, encryption: settings.credentials[version], letters: io.letters },
});

function replyOf(body: string, signature?: string): WireReply {
  const headers = {
    "content-type": "application/json",
    ...(signature !== undefined && { "body-sign": signature }),
  };
  return { status: 200, headers, body };
}

async function answerTo(deps: WireDeps, version: Version, { query, body }: WireRequest): Promise<Outcome> {
  const admission = await admit(deps, version, query, body);
  if (!admission.ok) return { admission, read: undefined, answer: admission.answer };
  const read = version === "v2" ? readV2(body) : readV1(admission.parameters, admission.key);
  if (!read.ok) return { admission, read, answer: refuse("000002", read.message) };
  const owner = await owns(deps, admission.key, read.value);
  if (owner !== undefined) return { admission: { ok: false, answer: owner }, read, answer: owner };
  return { admission, read, answer: await act(deps.storefront, read.value, deps.io.onError) };
}

const UNCHECKED: Answer = { code: "000005", detail: "the call could not be checked" };

/**
 * With an unreachable database a replay cannot be detected: the call is refused as an error of ours, and comes again.
 */
async function admit(
  { keys, settings, io }: WireDeps,
  version: Version,
  query: string,
  body: Buffer,
): Promise<Admission> {
  const deps = { ...io, keys, windowSeconds: settings.windowSeconds };
  try {
    return await (version === "v2" ? admitV2(deps, query, body) : admitV1(deps, query));
  } catch (error) {
    io.onError(error, "a call could not be checked");
    return { ok: false, answer: UNCHECKED };
  }
}

/** The refusal of a call signed with another product's key; undefined if its key is valid for it. */
async function owns(
  { keys, storefront, io }: WireDeps,
  key: string,
  asking: Asking,
): Promise<Answer | undefined> {
  try {
    if (await holdsForCall(keys(), storefront, key, asking)) return undefined;
    return refuse("000001", "authentication failed: this key is of another product");
  } catch (error) {
    io.onError(error, "a call could not be checked");
    return UNCHECKED;
  }
}

function describe(
  version: Version,
  { query, body }: Pick<WireRequest, "query" | "body">,
  { admission, read, answer }: Outcome,
  written: string,
): TakenCall {
  const most = admission.ok ? KEPT_CHARS : UNSIGNED_CHARS;
  const asking = read?.ok ? read.value : undefined;
  const parameters = admission.ok ? admission.parameters : undefined;
  return {
    version,
    activity: asking?.asked.activity ?? storable(parameters?.get("activity") ?? "", 64),
    test: asking?.test ?? false,
    query: storable(query, most),
    body: storable(body.toString("utf8"), most),
    authentic: admission.ok,
    ok: answer.code === "000000",
    code: answer.code,
    detail: storable(answer.detail ?? answer.message ?? "", DETAIL_CHARS),
    reply: storable(maskAnswer(written), KEPT_CHARS),
    ref: asking ? refOf(asking.asked) : "",
  };
}

/** Text that Postgres can store. */
function storable(text: string, most: number): string {
  return Buffer.from(text.slice(0, most), "utf8").toString("utf8").replaceAll("\0", "\uFFFD");
}

/** The key that signed a stored call, if it is still valid, because fields of V1.0 were encrypted with it. */
async function rerun(deps: WireDeps, call: Parameters<StorefrontWire["rerun"]>[0]): Promise<TakenCall> {
  const version = call.version === "v1" ? "v1" : "v2";
  const parameters = readQuery(call.query)[0] ?? new Map<string, string>();
  const all = allKeys(deps.keys());
  const key = (version === "v1" ? findV1Key(all, parameters) : undefined) ?? all[0]!;
  const body = Buffer.from(call.body, "utf8");
  const answered = async (): Promise<Outcome> => {
    if (!call.authentic) {
      const answer = refuse("000001", "authentication failed");
      return { admission: { ok: false, answer }, read: undefined, answer };
    }
    const admission: Admission = { ok: true, key, parameters };
    const read = version === "v2" ? readV2(body) : readV1(parameters, key);
    if (!read.ok) return { admission, read, answer: refuse("000002", read.message) };
    return { admission, read, answer: await act(deps.storefront, read.value, deps.io.onError) };
  };
  const outcome = await answered();
  return describe(
    version,
    { query: call.query, body },
    outcome,
    writeAnswer(outcome.answer, styleOf(deps, version, key)),
  );
}
