// `npm run bugs [NAME…]`: each seeded bug is put into a copy of the product and must be caught by its scenario.
import { join } from "node:path";
import { root } from "./setup.mjs";
import { build } from "./suite.mjs";

build("crash");
await import(join(root, "test", "crash", "dist", "bugs", "main.js"));
