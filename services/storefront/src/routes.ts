import type { FastifyInstance, FastifyReply } from "fastify";
import { allKeys, bodySign } from "@quarterpast/marketplace";
import type { Micros } from "@quarterpast/domain";
import { keepNonces, type Nonce } from "@quarterpast/store";
import { act } from "./act.js";
import type { CallKeeper } from "./calls/keep.js";
import { together } from "./calls/together.js";
import { refOf, refuse, type Answer, type Request } from "./commands.js";
import type { StorefrontDeps } from "./deps.js";
import { admitV1, admitV2, type AdmitDeps, type Admission, type Admitted } from "./wire/admit.js";
import { maskAnswer, writeAnswer } from "./wire/answer.js";
import type { Read } from "./wire/fields.js";
import { holdsForCall } from "./wire/owner.js";
import { readV1 } from "./wire/v1.js";
import { readV2 } from "./wire/v2.js";

/** One address for both versions: POST is V2.0, GET is V1.0. */
const PATH = "/koogallery";
const BODY_BYTES = 65_536;
/** What is kept of a call that nobody signed. */
const UNSIGNED_CHARS = 2_000;
const KEPT_CHARS = 16_384;
const NONCES_AT_ONCE = 500;

interface Incoming {
  version: "v1" | "v2";
  query: string;
  body: Buffer;
  received: Micros;
}

/** Adds the marketplace's address. Whatever comes is answered with a result code and HTTP 200 (koogallery.md 3.7). */
export function addKooGallery(http: FastifyInstance, deps: StorefrontDeps, keeper: CallKeeper): void {
  const seconds = deps.metrics.histogram("storefront_call_seconds", "Time to answer a call", [
    "version",
    "activity",
    "code",
  ]);
  const isFirst = together(
    (nonces: readonly Nonce[]) => keepNonces(deps.pool, deps.account.accountNo, nonces),
    NONCES_AT_ONCE,
  );
  const admitDeps: AdmitDeps = { ...deps, isFirst };
  void http.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
    scope.setErrorHandler((error, _request, reply) => {
      const { statusCode = 500 } = error as { statusCode?: number };
      if (statusCode >= 500) deps.logger.error({ err: error }, "a call failed");
      const answer =
        statusCode >= 500 ? ({ code: "000005" } as const) : refuse("000002", "invalid parameter");
      return send(reply, writeAnswer(answer, { ...plain(deps), version: "v2" }));
    });
    const take = async (incoming: Omit<Incoming, "received">, reply: FastifyReply) => {
      const whole = { ...incoming, received: deps.clock.real() };
      const { admission, read, answer } = await answerTo(deps, admitDeps, whole);
      const key = admission.ok ? admission.key : allKeys(deps.keys())[0]!;
      const encryption = deps.options.credentials[incoming.version];
      const { version } = incoming;
      const written = writeAnswer(answer, { version, key, encryption, letters: deps.letters });
      const call = describeCall(deps, whole, { admission, read, answer, written });
      await keeper.keep(call);
      const activity = read?.ok ? read.value.command.activity : "(none)";
      seconds.observe({ version, activity, code: answer.code }, (deps.clock.real() - whole.received) / 1e6);
      const isSigned = version === "v1" || deps.options.signV2Answers;
      return send(reply, written, isSigned ? bodySign(key, written) : undefined);
    };
    scope.post(PATH, { bodyLimit: BODY_BYTES }, (request, reply) => {
      const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
      return take({ version: "v2", query: queryOf(request.raw.url), body }, reply);
    });
    scope.get(PATH, { exposeHeadRoute: false }, (request, reply) =>
      take({ version: "v1", query: queryOf(request.raw.url), body: Buffer.alloc(0) }, reply),
    );
  });
}

interface Outcome {
  admission: Admission;
  read: Read<Request> | undefined;
  answer: Answer;
}

async function answerTo(
  deps: StorefrontDeps,
  admitDeps: AdmitDeps,
  { version, query, body }: Incoming,
): Promise<Outcome> {
  const admission = await admit(deps, admitDeps, version, query, body);
  if (!admission.ok) return { admission, read: undefined, answer: admission.answer };
  const read = version === "v2" ? readV2(body) : readV1(admission.parameters, admission.key);
  if (!read.ok) return { admission, read, answer: refuse("000002", read.message) };
  const owner = await owns(deps, admission.key, read.value);
  if (owner !== undefined) return { admission: { ok: false, answer: owner }, read, answer: owner };
  return { admission, read, answer: await act(deps, read.value) };
}

/** The refusal of a call that the key of another product signed; undefined where its key holds for it. */
async function owns(deps: StorefrontDeps, key: string, request: Request): Promise<Answer | undefined> {
  try {
    if (await holdsForCall(deps, key, request)) return undefined;
    return refuse("000001", "authentication failed: this key is of another product");
  } catch (error) {
    deps.logger.error({ err: error }, "a call could not be checked");
    return { code: "000005", detail: "the call could not be checked" };
  }
}

/** A database that is away cannot tell a replay: the call is refused as an error of ours, and comes again. */
async function admit(
  { logger }: StorefrontDeps,
  deps: AdmitDeps,
  version: "v1" | "v2",
  query: string,
  body: Buffer,
): Promise<Admission> {
  try {
    return await (version === "v2" ? admitV2(deps, query, body) : admitV1(deps, query));
  } catch (error) {
    logger.error({ err: error }, "a call could not be checked");
    return { ok: false, answer: { code: "000005", detail: "the call could not be checked" } };
  }
}

function describeCall(
  deps: StorefrontDeps,
  { version, query, body, received }: Incoming,
  { admission, read, answer, written }: Outcome & { written: string },
) {
  const most = admission.ok ? KEPT_CHARS : UNSIGNED_CHARS;
  const request = read?.ok ? read.value : undefined;
  return {
    version,
    activity: request?.command.activity ?? activityOf(admission),
    test: request?.test ?? false,
    received,
    query: storable(query, most),
    body: storable(body.toString("utf8"), most),
    authentic: admission.ok,
    code: answer.code,
    detail: storable(answer.detail ?? answer.message ?? "", 1_000),
    reply: storable(maskAnswer(written), KEPT_CHARS),
    durationMs: Math.round((deps.clock.real() - received) / 1_000),
    ref: request ? refOf(request.command) : "",
    rerunOf: null,
  };
}

function activityOf(admission: Admission): string {
  const parameters = (admission as Partial<Admitted>).parameters;
  return storable(parameters?.get("activity") ?? "", 64);
}

/** Text that Postgres takes. */
function storable(text: string, most: number): string {
  return Buffer.from(text.slice(0, most), "utf8").toString("utf8").replaceAll("\0", "\uFFFD");
}

function queryOf(url = ""): string {
  const at = url.indexOf("?");
  return at < 0 ? "" : url.slice(at + 1);
}

const plain = (deps: StorefrontDeps) => ({ key: "", encryption: undefined, letters: deps.letters });

/** As bytes: a charset is not to be added to the content type (koogallery.md 5, checks of the console). */
function send(reply: FastifyReply, written: string, signature?: string): FastifyReply {
  if (signature !== undefined) void reply.header("body-sign", signature);
  return reply.code(200).header("content-type", "application/json").send(Buffer.from(written, "utf8"));
}
