import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { Control } from "../control.js";
import { faultSchema } from "../faults/schema.js";
import { instanceSchema } from "../rules/instances.js";

const instant = z.iso.datetime({ offset: true });

/** Product time: `start` until the real time `at`, then `rate` times as fast; 0 stops it. */
export const clockSchema = z.strictObject({
  start: instant,
  at: instant.optional(),
  rate: z.number().min(0).max(1_000_000).default(1),
});

const faultsSchema = z.preprocess(
  (rules) => (Array.isArray(rules) ? rules : [rules]),
  z.array(faultSchema).max(100),
);
const idSchema = z.string().min(1).max(64);

/** Adds the controls of the sandbox: clock, instances, faults. */
export function addControl(app: FastifyInstance, control: Control): void {
  app.get("/sandbox/clock", () => control.clock());
  app.put("/sandbox/clock", ({ body }) => control.setClock(clockSchema.parse(body)));

  app.get("/sandbox/instances", () => ({ instances: control.instances() }));
  app.put<{ Params: { id: string } }>("/sandbox/instances/:id", async ({ params, body }) => {
    const id = idSchema.parse(params.id);
    const instance = instanceSchema.parse(body);
    await control.setInstance(id, instance);
    return { instance_id: id, ...instance };
  });

  app.get("/sandbox/faults", () => ({ faults: control.faults.list() }));
  app.put("/sandbox/faults", ({ body }) => {
    control.faults.set(faultsSchema.parse(body));
    return { faults: control.faults.list() };
  });
  app.delete("/sandbox/faults", () => {
    control.faults.set([]);
    return { faults: [] };
  });
}
