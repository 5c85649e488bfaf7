import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { LoadOrder, LoadReport } from "./loadMain.js";

export type { LoadOrder, LoadReport } from "./loadMain.js";

const MAIN = fileURLToPath(new URL("./loadMain.js", import.meta.url));

/** Sends the load from a separate process, and returns its report. */
export async function sendLoad(order: LoadOrder): Promise<LoadReport> {
  const child = fork(MAIN, [], { serialization: "advanced", execArgv: [] });
  try {
    await once(child, "message");
    child.send(order);
    return (await once(child, "message")) as LoadReport;
  } finally {
    child.disconnect();
  }
}

function once(child: ReturnType<typeof fork>, event: "message"): Promise<unknown> {
  return new Promise((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`the load generator ended with ${code}`)));
    child.once(event, resolve);
  });
}
