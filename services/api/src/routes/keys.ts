import { API } from "@quarterpast/contract";
import { createKey, listAccounts, listKeys, revokeKey, type Pool } from "@quarterpast/store";
import { iso, keyToApi } from "../present.js";
import { refusal } from "../refuse.js";
import { asSeller } from "../seller.js";
import type { RouteDeps } from "../deps.js";
import { serve, type Routes } from "../serve.js";

const KEY_ID_BYTES = 4;
const SECRET_BYTES = 24;

/**
 * `/v1/keys`: the seller's API keys. An ingest key may be limited to sources, any other key to accounts. A token is
 * shown once, when its key is made; only its hash is stored.
 */
export function addKeys(routes: Routes, { pool, clock, apiKeys, randomHex }: RouteDeps): void {
  serve(routes, API.listKeys, async ({ apiKey }) => {
    const keys = await listKeys(pool);
    // A key limited to accounts sees only keys limited to the same accounts.
    const seen = keys.filter(
      ({ accounts }) =>
        apiKey.accounts === null || accounts?.every((code) => apiKey.accounts!.includes(code)),
    );
    return { items: seen.map(keyToApi), next: null };
  });

  serve(routes, API.createKey, async (request, reply) => {
    asSeller(request);
    const { body } = request;
    const limits = { sources: body.sources ?? null, accounts: body.accounts ?? null };
    checkLimits(body.role, limits);
    await checkAccounts(pool, limits.accounts ?? []);
    const id = randomHex(KEY_ID_BYTES);
    const token = `qp_${id}_${randomHex(SECRET_BYTES)}`;
    const now = clock.now();
    await createKey(pool, { keyId: id, token, ...body, ...limits }, now);
    await apiKeys.refresh();
    return reply.code(201).send({ id, ...body, ...limits, createdAt: iso(now), revokedAt: null, token });
  });

  serve(routes, API.revokeKey, async (request, reply) => {
    const { keyId: own } = asSeller(request);
    const { id } = request.params;
    if (id === own) {
      throw refusal("state_forbids", {
        en: `Key ${id} is the one you use: revoke it with another operator's key, so that you do not lock yourself out`,
        zh: `密钥 ${id} 正是当前使用的密钥：请用另一个 operator 密钥吊销，以免无法再登录`,
      });
    }
    if (!(await revokeKey(pool, id, clock.now()))) {
      throw refusal("not_found", { en: `There is no live key ${id}`, zh: `没有有效的密钥 ${id}` });
    }
    await apiKeys.refresh();
    return reply.code(204).send();
  });
}

function checkLimits(
  ofRole: string,
  { sources, accounts }: { sources: string[] | null; accounts: string[] | null },
) {
  if (sources !== null && ofRole !== "ingest") {
    throw wrongField("sources", {
      en: `sources limit a key of role ingest, and this one is of role ${ofRole}`,
      zh: `sources 仅用于 ingest 角色的密钥，此密钥为 ${ofRole} 角色`,
    });
  }
  if (accounts !== null && ofRole === "ingest") {
    throw wrongField("accounts", {
      en: "accounts limit any key but one of role ingest: sources belong to the seller, limit it to sources",
      zh: "accounts 不用于 ingest 角色的密钥：来源属于整个商家，请改用 sources 限制",
    });
  }
}

/** A key limited to an undeclared account would see nothing now, and might see something unexpected later. */
async function checkAccounts(pool: Pool, codes: readonly string[]): Promise<void> {
  if (codes.length === 0) return;
  const known = (await listAccounts(pool)).map(({ code }) => code);
  const unknown = codes.filter((code) => !known.includes(code));
  if (unknown.length === 0) return;
  throw wrongField("accounts", {
    en: `There is no account ${unknown.join(", ")}; there are ${known.join(", ")}`,
    zh: `账户 ${unknown.join("、")} 不存在；现有账户为 ${known.join("、")}`,
  });
}

function wrongField(name: string, detail: { en: string; zh: string }) {
  return refusal("field_invalid", detail, { field: name });
}
