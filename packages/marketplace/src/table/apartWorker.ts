import { parentPort, workerData } from "node:worker_threads";
import type { ApartAnswer } from "./apart.js";
import { readList, type ListOptions } from "./list.js";
import { TableError } from "./table.js";

const { bytes, options } = workerData as { bytes: Uint8Array; options: ListOptions };
parentPort!.postMessage(await answer());

async function answer(): Promise<ApartAnswer> {
  try {
    return { list: await readList(bytes, options) };
  } catch (error) {
    if (!(error instanceof TableError)) throw error;
    return { refused: { en: error.message, zh: error.zh } };
  }
}
