import { openerOf } from "@quarterpast/testkit/marketplace";
import { clientOf, profileOf } from "../src/registry.js";

export type { OpenMarketplace, OpenSettings } from "@quarterpast/testkit/marketplace";

/** Opens a KooGallery account by this package's sources. */
export const openMarketplace = openerOf({ clientOf, profileOf });
