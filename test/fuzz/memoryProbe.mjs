// Loaded into a service before its own code (`--expose-gc --import`): reports its memory, after a full collection, on
// request over IPC. The product does not know about it.
process.on("message", (asked) => {
  if (asked !== "memory") return;
  globalThis.gc();
  process.send({ memory: process.memoryUsage() });
});
