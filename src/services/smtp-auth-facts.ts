import type { Fact } from "./fact.ts";

export const smtpAuthFacts: Readonly<Record<string, Fact<unknown>>> = {};
