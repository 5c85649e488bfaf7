import { SHARDS } from "@quarterpast/domain";
import { addSealedHour, ensureTotalMarks, type Pool } from "@quarterpast/store";

/** Updates the totals of all shards, of every account, with the hours sealed since. */
export async function addSealedHours(pool: Pool): Promise<void> {
  await ensureTotalMarks(pool);
  for (let shard = 0; shard < SHARDS; shard += 1) {
    while (await addSealedHour(pool, shard));
  }
}
