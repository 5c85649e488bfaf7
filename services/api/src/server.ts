import { createHttp } from "@quarterpast/runtime";
import type { FastifyInstance } from "fastify";
import type { ApiDeps } from "./deps.js";
import { createProber } from "./doctor/redis.js";
import { addEtags } from "./etag.js";
import { createApiKeys, type ApiKeys } from "./apiKeys.js";
import { readStrictJson } from "./jsonBody.js";
import { mapError, refusal } from "./refuse.js";
import { addAccounts } from "./routes/accounts.js";
import { addBills } from "./routes/bills.js";
import { addCases } from "./routes/cases.js";
import { addDoctor } from "./routes/doctor.js";
import { addExports } from "./routes/exports.js";
import { addFindings } from "./routes/findings.js";
import { addHours } from "./routes/hours.js";
import { addImports } from "./routes/imports.js";
import { addInstances } from "./routes/instances.js";
import { addKeys } from "./routes/keys.js";
import { addMeters } from "./routes/meters.js";
import { addProducts } from "./routes/products.js";
import { addPrices } from "./routes/prices.js";
import { addProofs } from "./routes/proofs.js";
import { addQuarantine } from "./routes/quarantine.js";
import { addRebuild } from "./routes/rebuild.js";
import { addRecords } from "./routes/records.js";
import { addSources } from "./routes/sources.js";
import { addStack } from "./routes/stack.js";
import { addStorefront } from "./routes/storefront.js";
import { speakContract, type Routes } from "./serve.js";

/**
 * Creates the api: every route under /v1 requires a bearer key whose role allows it. Closing the server closes what
 * it opened; the pool stays with the caller.
 */
export async function createApiServer(deps: ApiDeps): Promise<FastifyInstance> {
  const { pool, logger, metrics } = deps;
  const apiKeys = await createApiKeys({ pool, logger });
  const redis = createProber(deps.redisUrl, deps.queuePrefix);
  const http = createHttp({
    logger,
    metrics,
    ready: { postgres: async () => void (await pool.query("SELECT 1")) },
    mapError,
  });
  http.addHook("onClose", async () => {
    redis.close();
    await apiKeys.stop();
  });
  http.decorateRequest("apiKey");
  http.register(async (scope) => {
    askForKey(scope, apiKeys);
    readStrictJson(scope);
    addEtags(scope);
    const app = speakContract(scope);
    const handlers: Routes["handlers"] = new Map();
    for (const one of deps.accounts) {
      const routes = { app, account: one.account.code, handlers };
      for (const add of ROUTES) add(routes, { ...deps, ...one, apiKeys, redis });
    }
  });
  return http;
}

const ROUTES = [
  addStack,
  addAccounts,
  addMeters,
  addInstances,
  addProducts,
  addStorefront,
  addSources,
  addKeys,
  addHours,
  addRecords,
  addQuarantine,
  addPrices,
  addImports,
  addFindings,
  addCases,
  addDoctor,
  addProofs,
  addExports,
  addBills,
  addRebuild,
] as const;

/** Checks before the body is read, so that only clients with a key can send one. */
function askForKey(scope: FastifyInstance, apiKeys: ApiKeys): void {
  scope.addHook("onRequest", async (request, reply) => {
    const key = apiKeys.find(request.headers.authorization);
    if (!key) {
      void reply.header("www-authenticate", "Bearer");
      throw refusal("unauthorized", {
        en: "Send a live key: Authorization: Bearer qp_…",
        zh: "请提供有效密钥：Authorization: Bearer qp_…",
      });
    }
    if (!request.routeOptions.config.roles?.includes(key.role)) {
      throw refusal("forbidden", {
        en: `The role ${key.role} may not ${request.method} ${request.routeOptions.url}: use an operator's key`,
        zh: `角色 ${key.role} 无权 ${request.method} ${request.routeOptions.url}：请使用 operator 密钥`,
      });
    }
    request.apiKey = key;
  });
}
