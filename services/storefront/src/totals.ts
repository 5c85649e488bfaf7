import { addSealedHour, ensureTotalMarks, shardsToAdd, type Pool } from "@quarterpast/store";

/** Updates the totals of all shards, of every account, with the hours sealed since. */
export async function addSealedHours(pool: Pool): Promise<void> {
  const shards = await shardsToAdd(pool);
  if (shards.length === 0) return;
  await ensureTotalMarks(pool);
  for (const shard of shards) {
    while (await addSealedHour(pool, shard));
  }
}
