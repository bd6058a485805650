import type { Fact } from "./fact.ts";

export const smartHostFacts: Readonly<Record<string, Fact<unknown>>> = {};
