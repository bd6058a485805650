import type { Fact } from "./fact.ts";

export const mxFacts: Readonly<Record<string, Fact<unknown>>> = {};
