export * from "./account.js";
export * from "./profile.js";
export * from "./client.js";
export * from "./port.js";
export * from "./registry.js";
export { readAccountsFile, type FiledAccount, type SecretReference } from "./accounts/file.js";
export {
  addressAt,
  checkAccounts,
  followSecrets,
  LOOPBACK,
  readAccounts,
  siteAt,
  type DeclaredAccount,
} from "./accounts/read.js";
export { accountSettingRows } from "./accounts/settingRows.js";
export { wrongSetting, type ReadSetting } from "./readSetting.js";
export * from "./storefront.js";
export * from "./selfTest.js";
// For building an adapter outside this package.
export { replyText } from "./http/clean.js";
export { endpointOf, type Endpoint } from "./http/endpoint.js";
export { exchange, type Exchange } from "./http/exchange.js";
export { retryAfterMs } from "./http/retryAfter.js";
export { TRANSPORT_CODES, type TransportCode } from "./http/transportCodes.js";
export * from "./retry.js";
export { secret, type Secret } from "./secret.js";
export { MarketplaceSettingError } from "./settingError.js";
export { readListApart } from "./table/apart.js";
export { readList, readListText, type List, type ListOptions, type Statement } from "./table/list.js";
export * from "./table/problem.js";
export type { BillLine, StatementLine } from "./table/rows.js";
export {
  IMPORT_KINDS,
  STATED_STATES,
  type ImportField,
  type ImportKind,
  type ImportProfile,
  type ListRules,
  type StatedState,
} from "./table/rules.js";
export { LIST_FORMATS, type ListFormat } from "./table/source.js";
export { TableError } from "./table/table.js";
