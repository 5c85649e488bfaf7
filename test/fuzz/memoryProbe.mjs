// Loaded into a service before its own code (`--expose-gc --import`): tells its memory, after a full collection, to
// whoever asks over IPC. The product knows nothing of it.
process.on("message", (asked) => {
  if (asked !== "memory") return;
  globalThis.gc();
  process.send({ memory: process.memoryUsage() });
});
