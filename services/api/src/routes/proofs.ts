import { API } from "@quarterpast/contract";
import {
  createHourGatherer,
  encodeText,
  formatLine,
  HOUR,
  inclusionPath,
  leafHash,
  LINE_FIELDS,
  parseCanonical,
  rootOf,
  wrapLine,
  type Depth,
  type Micros,
} from "@quarterpast/domain";
import {
  allowLongReads,
  findEventPlace,
  findManifestOf,
  findRecordPlace,
  inTransaction,
  listManifests,
  listProofKeys,
  readHourLines,
  readInstanceLeaves,
  readUsageTexts,
  type EventPlace,
  type Pool,
  type StoredManifest,
} from "@quarterpast/store";
import { iso } from "../present.js";
import { refusal } from "../refuse.js";
import type { RouteDeps } from "../deps.js";
import { spanOf } from "../toldPeriod.js";
import { streamOf } from "../stream.js";
import { serve, serveMerged, type Routes } from "../serve.js";

/** `/v1/proof-key`, `/v1/manifests`, `/v1/proofs/…`: what a verifier needs, streamed from the present ledger. */
export function addProofs(routes: Routes, { pool, account }: RouteDeps): void {
  const { accountNo } = account;

  serveMerged(routes, API.listProofKeys, undefined, async () => ({
    items: (await listProofKeys(pool)).map((key) => ({ ...key, createdAt: iso(key.createdAt) })),
  }));

  serveMerged(routes, API.listManifests, account, async (parts, { query }) => {
    const read = parts.map(async ({ account: code, own }) => {
      const { from, to } = spanOf(own, query);
      return (await listManifests(pool, own.accountNo, from, to)).map((one) => manifestToApi(one, code));
    });
    const items = (await Promise.all(read)).flat();
    return { items: items.toSorted((a, b) => (a.hour < b.hour ? -1 : a.hour > b.hour ? 1 : 0)) };
  });

  serve(routes, API.readHourProof, async ({ params: { hour }, query: { depth } }, reply) => {
    const manifest = await manifestOfHour(pool, accountNo, hour);
    return reply
      .type("application/x-ndjson")
      .code(200)
      .send(streamOf(hourLines(pool, manifest, depth)));
  });

  serve(routes, API.readRecordProof, async ({ params: { sn } }) => {
    const place = await findRecordPlace(pool, accountNo, sn);
    if (!place) throw refusal("not_found", { en: `There is no record ${sn}`, zh: `话单 ${sn} 不存在` });
    const manifest = await findManifestOf(pool, accountNo, place);
    if (!manifest) throw notProven();
    return manifestToApi(manifest, account.code);
  });

  serve(routes, API.readEventProof, async ({ query }) => {
    const place = await findEventPlace(pool, accountNo, query.source, query.id);
    if (!place) {
      throw refusal("not_found", {
        en: `No event ${query.id} of ${query.source} was counted; see quarantine list`,
        zh: `来源 ${query.source} 的事件 ${query.id} 未计入；请查看 quarantine list`,
      });
    }
    const manifest = await manifestOfHour(pool, accountNo, place.billHour);
    return { manifest: manifestToApi(manifest, account.code), ...(await proveEvent(pool, manifest, place)) };
  });
}

async function manifestOfHour(pool: Pool, accountNo: number, hour: Micros): Promise<StoredManifest> {
  const [manifest] = await listManifests(pool, accountNo, hour, hour + HOUR);
  if (!manifest) throw notProven();
  return manifest;
}

function notProven() {
  return refusal("not_found", {
    en: "This hour has no manifest yet: it is made after the hour is frozen, if the reporter has PROOF_DIR",
    zh: "该小时尚无清单：清单在小时冻结后生成，需为 reporter 设置 PROOF_DIR",
  });
}

function manifestToApi(
  { number, hour, canonical, hash, keyId, signature, anchors }: StoredManifest,
  account: string,
) {
  return { account, number, hour: iso(hour), canonical, hash, keyId, signature, anchors };
}

/** The lines of an hour as the ledger has them now, with its signed manifest. */
async function* hourLines(pool: Pool, manifest: StoredManifest, depth: Depth): AsyncGenerator<string[]> {
  const client = await pool.connect();
  let broken = true;
  try {
    await client.query("BEGIN READ ONLY");
    await allowLongReads(client);
    yield* readHourLines(client, {
      scope: manifest,
      gatherer: createHourGatherer(),
      roots: "stored",
      depth,
      forRestore: false,
    });
    await client.query("COMMIT");
    broken = false;
  } finally {
    // A disconnected reader leaves cursors open, so the connection is not reused.
    client.release(broken);
  }
  const { canonical, keyId, signature } = manifest;
  yield [wrapLine("manifest", canonical), formatLine("signature", { key_id: keyId, signature })];
}

/**
 * The proof from one event to its hour's manifest: its leaf and path to the root of its instance's hour, that usage
 * line and its path to the manifest's usage root.
 */
async function proveEvent(pool: Pool, manifest: StoredManifest, place: EventPlace) {
  return inTransaction(pool, async (db) => {
    await allowLongReads(db);
    const usages = await readUsageTexts(db, manifest);
    const index = usages.findIndex((text) => fieldOf("usage", text, "instance") === place.instanceId);
    const leaves = await readInstanceLeaves(db, manifest, place);
    const at = leaves.findIndex(
      (leaf) =>
        fieldOf("event", leaf, "key") === place.key &&
        fieldOf("event", leaf, "source") === encodeText(place.source),
    );
    if (index < 0 || at < 0) throw notProven();
    return {
      event: leaves[at]!,
      index: at,
      leaves: leaves.length,
      path: inclusionPath(leaves.map(leafHash), at),
      root: rootOf(leaves),
      usage: usages[index]!,
      usageIndex: index,
      usages: usages.length,
      usagePath: inclusionPath(usages.map(leafHash), index),
    };
  });
}

function fieldOf(type: "usage" | "event", text: string, name: string): string | undefined {
  return parseCanonical(text, LINE_FIELDS[type])?.[name];
}
