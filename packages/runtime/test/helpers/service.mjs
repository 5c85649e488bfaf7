import { runService, SettingsError } from "@quarterpast/runtime";

const mode = process.argv[2];
runService({
  name: "sample",
  start: async ({ logger, signal }) => {
    if (mode === "settings") {
      const right = { en: "a port", zh: "端口" };
      throw new SettingsError([
        { name: "PORT", value: '"x"', right },
        { name: "HOST", value: "", right },
      ]);
    }
    if (mode === "fails") throw new Error("cannot begin");
    if (mode === "slow") {
      await new Promise((resolve) => {
        const hold = setInterval(() => {}, 1000);
        signal.addEventListener("abort", () => resolve(clearInterval(hold)));
        process.stdout.write("starting\n");
      });
    }
    const hold = setInterval(() => {}, 1000);
    if (mode === "crashes") setTimeout(() => Promise.reject(new Error("nobody handles me")), 20);
    return {
      ready: async () => ({ url: "http://here" }),
      stop: async () => {
        clearInterval(hold);
        logger.info("sample is put away");
      },
    };
  },
});
