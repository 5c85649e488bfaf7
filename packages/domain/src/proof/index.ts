export * from "./merkle.js";
export * from "./leaf.js";
export * from "./manifest.js";
export * from "./archive.js";
export * from "./hourRoots.js";
export * from "./hourVerifier.js";
export * from "./proofProblems.js";
export * from "./anchorCheck.js";
