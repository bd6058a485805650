import type { Fact } from "./fact.ts";

export const connectorFacts: Readonly<Record<string, Fact<unknown>>> = {};
