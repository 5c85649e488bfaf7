import { Agent } from "undici";
import type { AccountDeclaration } from "../account.js";
import type { ClientIo, MarketplaceClient } from "../client.js";
import type { CallTimeouts } from "../retry.js";
import { MarketplaceSettingError } from "../settingError.js";
import { keySource, type Keyring } from "./keyring.js";
import { createNewPush } from "./newPush.js";
import { createOldPush } from "./oldPush.js";
import { probe } from "./probe.js";
import type { AccessKey } from "./push.js";
import { settingsOf } from "./settings.js";
import { CALLS, RETRY } from "./site.js";
import { createSkew } from "./skew.js";
import { fetchStatement } from "./statement.js";
import { submit, type SubmitDeps } from "./submit.js";
import type { Ways } from "./way.js";

/** What signs an account's calls. */
export interface KooGallerySecrets {
  /** Interconnection keys (商家对接密钥). */
  keyring: Keyring;
  /** Signs the old push. */
  accessKey: AccessKey | undefined;
}

/**
 * The client of KooGallery's usage push, new and old (koogallery.md 1).
 * @throws MarketplaceSettingError if a setting is invalid, or the chosen push has no key
 */
export function kooGalleryClient(
  account: AccountDeclaration,
  secrets: () => KooGallerySecrets,
  io: ClientIo,
): MarketplaceClient {
  const { push, endpoints, statementPath: path } = settingsOf(account);
  const { now, nonce } = io;
  const ways = {
    new: createNewPush(
      keySource(() => secrets().keyring),
      nonce,
    ),
    old: createOldPush(() => secrets().accessKey),
  };
  if (!ways[push].isReady()) {
    const right = { en: "AK and SK: the old push is signed by them", zh: "AK 和 SK：旧推送接口用其签名" };
    throw new MarketplaceSettingError("ORDER_AK", "", right);
  }
  const byVersion: Ways["byVersion"] = new Map(Object.values(ways).map((way) => [way.wireVersion, way]));
  const timeouts = { ...RETRY.timeouts, ...io.timeouts };
  const dispatcher = io.dispatcher ?? agentOf(timeouts);
  const deps: SubmitDeps = {
    ...{ endpoints, dispatcher, timeouts, now },
    ways: { chosen: ways[push], byVersion },
    skew: createSkew(),
  };
  return {
    submit: (call) => submit(deps, call),
    probe: (signal) => probe(deps, signal),
    ...(path !== undefined && {
      statement: (from, to, signal) =>
        fetchStatement({ dispatcher, timeouts, endpoint: endpoints[0], path }, from, to, signal),
    }),
    close: async () => {
      if (io.dispatcher === undefined) await dispatcher.destroy();
    },
  };
}

function agentOf(timeouts: CallTimeouts): Agent {
  return new Agent({ connect: { timeout: timeouts.connectMs }, connections: CALLS.inFlight });
}
