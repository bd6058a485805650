import type { Fact } from "./fact.ts";

export const directSendFacts: Readonly<Record<string, Fact<unknown>>> = {};
