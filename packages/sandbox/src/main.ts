import { runService } from "@quarterpast/runtime";
import { sandboxOf } from "./registry.js";

runService({
  name: "sandbox",
  async start({ logger, env }) {
    const sandbox = await sandboxOf(env["SANDBOX_MARKETPLACE"]).start(env, logger);
    logger.info({ url: sandbox.url, store: sandbox.path }, "the sandbox marketplace listens");
    return { ready: async () => ({ url: sandbox.url, port: sandbox.port }), stop: () => sandbox.close() };
  },
});
