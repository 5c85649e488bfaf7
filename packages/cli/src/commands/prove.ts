import type { AnswerOf } from "@quarterpast/contract";
import { isSigned, LINE_FIELDS, parseCanonical, rootOfPath } from "@quarterpast/domain";
import type { Command } from "commander";
import { apiOf, onStack, type StackFlags } from "../command.js";
import { EXIT } from "../exit.js";
import { say } from "../lang.js";
import { formatFields, print, printJson } from "../output.js";
import { findStack } from "@quarterpast/stack/find";
import { fetchKeys } from "../verify/ledger.js";

/** The proof from an event to a signed manifest. */
type InclusionProof = AnswerOf<"readEventProof">;

/** `quarterpast prove`: shows that an event is in what was signed. */
export function register(program: Command): void {
  onStack(program.command("prove <event-id>"))
    .description(
      say({
        en: "print the proof that an event is in its hour's signed manifest; docs/proof.md says how to check it",
        zh: "打印事件包含于该小时已签名清单的证明；核验方法见 docs/proof.md",
      }),
    )
    .requiredOption("--source <source>", say({ en: "the event's source", zh: "事件来源" }))
    .action(async (id: string, { source, ...flags }: StackFlags & { source: string }) => {
      const stack = await findStack(flags);
      const proof = await apiOf(stack).readEventProof({ query: { source, id } });
      const publicKey = (await fetchKeys(stack)).get(proof.manifest.keyId) ?? "";
      const holds = check(proof, publicKey);
      if (flags.json) printJson({ holds, publicKey, ...proof });
      else printProof(proof, holds);
      if (!holds) process.exitCode = EXIT.differences;
    });
}

/** Event → root of its instance's hour → usage line → manifest → signature. */
function check(proof: InclusionProof, publicKey: string): boolean {
  const usage = parseCanonical(proof.usage, LINE_FIELDS.usage);
  const manifest = parseCanonical(proof.manifest.canonical, LINE_FIELDS.manifest);
  const root = rootOfPath(proof.event, proof.index, proof.leaves, proof.path);
  const usageRoot = rootOfPath(proof.usage, proof.usageIndex, proof.usages, proof.usagePath);
  return (
    root !== undefined &&
    root === usage?.root &&
    usageRoot !== undefined &&
    usageRoot === manifest?.usage_root &&
    isSigned(proof.manifest.canonical, proof.manifest.signature, publicKey)
  );
}

function printProof(proof: InclusionProof, holds: boolean): void {
  const yes = { en: "yes: the event is in what was signed", zh: "是：该事件包含于已签名的内容" };
  const no = { en: "NO: the event is not what was signed", zh: "否：该事件与已签名的内容不符" };
  print(
    formatFields([
      [{ en: "proven", zh: "证明成立" }, say(holds ? yes : no)],
      [{ en: "event", zh: "事件" }, proof.event],
      [{ en: "leaf", zh: "叶" }, `${proof.index} / ${proof.leaves}`],
      [{ en: "usage", zh: "用量" }, proof.usage],
      [{ en: "manifest", zh: "清单" }, proof.manifest.canonical],
      [{ en: "signature", zh: "签名" }, proof.manifest.signature],
    ]),
  );
}
