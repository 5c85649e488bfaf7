// `npm run soak -- --minutes N [--seed S]`: the crash suite for nights, 30 minutes unless told otherwise.
if (!process.argv.some((argument) => argument.startsWith("--minutes"))) process.argv.push("--minutes", "30");
await import("./crash.mjs");
