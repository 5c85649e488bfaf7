// Starts a Postgres in the given folder and reports the result to its parent, which kills it.
import { onOwnPort, startPostgres } from "@quarterpast/stack/servers";

try {
  const server = await onOwnPort((port) => startPostgres({ dataDir: process.argv[2], port }));
  process.send({ pid: server.pid, url: server.url });
  process.on("message", () => void server.stop().then(() => process.disconnect()));
} catch (error) {
  process.send({ code: error.code, message: error.message });
  process.disconnect();
}
