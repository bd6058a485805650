import type { Fact } from "./fact.ts";

export const hveFacts: Readonly<Record<string, Fact<unknown>>> = {};
