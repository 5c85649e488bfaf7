// For the tests of KooGallery's wire in other packages: nothing of the product imports it.
export * from "./keyring.js";
export * from "./push.js";
export * from "./storefront/query.js";
export * from "./storefront/resultCodes.js";
export * from "./storefront/sensitive.js";
export * from "./storefront/sign.js";
export * from "./storefront/times.js";
export * from "./orders/apigSign.js";
export * from "./orders/order.js";
export * from "./orders/orderQuery.js";
