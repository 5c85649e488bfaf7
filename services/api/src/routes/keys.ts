import { API } from "@quarterpast/contract";
import { createKey, listKeys, revokeKey } from "@quarterpast/store";
import { iso, keyToApi } from "../present.js";
import { refusal } from "../refuse.js";
import type { RouteDeps } from "../server.js";
import { serve, type Routes } from "../serve.js";

const KEY_ID_BYTES = 4;
const SECRET_BYTES = 24;

/** `/v1/keys`: who may come in. A token is told once, when its key is made; only its hash is kept. */
export function addKeys(routes: Routes, deps: RouteDeps): void {
  const {
    pool,
    clock,
    keyring,
    randomHex,
    account: { accountNo },
  } = deps;

  serve(routes, API.listKeys, async () => {
    const keys = await listKeys(pool);
    return { items: keys.filter((key) => key.accountNo === accountNo).map(keyToApi), next: null };
  });

  serve(routes, API.createKey, async ({ body }, reply) => {
    const id = randomHex(KEY_ID_BYTES);
    const token = `qp_${id}_${randomHex(SECRET_BYTES)}`;
    const now = clock.now();
    await createKey(pool, { keyId: id, accountNo, token, ...body }, now);
    await keyring.refresh();
    return reply.code(201).send({ id, ...body, createdAt: iso(now), revokedAt: null, token });
  });

  serve(routes, API.revokeKey, async ({ params: { id }, apiKey }, reply) => {
    if (id === apiKey.keyId) {
      throw refusal("state_forbids", {
        en: `Key ${id} is the one you use: revoke it with another operator's key, so that nobody locks himself out`,
        zh: `密钥 ${id} 正是当前使用的密钥：请用另一个 operator 密钥吊销，以免无法再登录`,
      });
    }
    const isOurs = (await listKeys(pool)).some((key) => key.keyId === id && key.accountNo === accountNo);
    if (!isOurs || !(await revokeKey(pool, id, clock.now()))) {
      throw refusal("not_found", { en: `There is no live key ${id}`, zh: `没有有效的密钥 ${id}` });
    }
    await keyring.refresh();
    return reply.code(204).send();
  });
}
