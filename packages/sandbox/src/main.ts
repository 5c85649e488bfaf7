import { runService } from "@quarterpast/runtime";
import { createSandbox } from "./koogallery/sandbox.js";
import { readSandboxOptions } from "./koogallery/settings.js";

runService({
  name: "sandbox",
  async start({ logger, env }) {
    const options = readSandboxOptions(env);
    const sandbox = await createSandbox({ ...options, logger });
    logger.info({ url: sandbox.url, store: sandbox.store.path }, "the sandbox marketplace listens");
    return { ready: async () => ({ url: sandbox.url, port: sandbox.port }), stop: () => sandbox.close() };
  },
});
