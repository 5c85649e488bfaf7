import { accounts } from "./routes/accounts.js";
import { instances, keys, meters, products, sources } from "./routes/catalog.js";
import { cases } from "./routes/cases.js";
import { bills, findings, prices } from "./routes/finance.js";
import { health } from "./routes/health.js";
import { imports } from "./routes/imports.js";
import { exports, proofs, rebuild } from "./routes/proofs.js";
import { records } from "./routes/records.js";
import { doctor, stack } from "./routes/stack.js";
import { storefrontReads } from "./routes/storefrontReads.js";
import { hours, quarantine } from "./routes/usage.js";
import { ofAccount } from "./ofAccount.js";
import type { Contract } from "./route.js";

/** Every route of the api, by name. */
export const API = {
  ...health,
  ...stack,
  ...ofAccount(doctor),
  ...accounts,
  ...meters,
  ...sources,
  ...keys,
  ...quarantine,
  ...ofAccount(instances),
  ...ofAccount(products),
  ...ofAccount(hours),
  ...ofAccount(records),
  ...ofAccount(prices),
  ...ofAccount(findings),
  ...ofAccount(cases),
  ...ofAccount(bills),
  ...ofAccount(imports),
  ...ofAccount(proofs),
  ...ofAccount(exports),
  ...ofAccount(rebuild),
  ...ofAccount(storefrontReads),
} satisfies Contract;
