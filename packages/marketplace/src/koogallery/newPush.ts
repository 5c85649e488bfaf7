import type { KeySource } from "./keyring.js";
import { signedHeaders } from "./sign.js";
import { USAGE_PATH } from "./site.js";
import { firstText, type PushWay } from "./way.js";
import { WIRE_VERSION } from "./wire.js";

const SERIAL_NAMES = ["metering_sn", "meteringSn"];

/**
 * The new usage push (koogallery.md 1.1–1.5): signed with the interconnection key, records named by serial number.
 */
export function createNewPush(keyFor: KeySource, nonce: () => string): PushWay {
  return {
    wireVersion: WIRE_VERSION,
    path: USAGE_PATH,
    isReady: () => true,
    signerOf: (product) => keyFor(product).key.reveal(),
    sign({ atMs, body, product }) {
      const { key, isOwn } = keyFor(product);
      return { headers: signedHeaders(key.reveal(), atMs, nonce(), body), isOwn };
    },
    isOutOfTime: (code) => code === "MKT.0102",
    keyAt: () => undefined,
    nameOf: ({ serialNumber }) => serialNumber,
    nameIn: (entry) => firstText(entry, SERIAL_NAMES)?.trim(),
  };
}
