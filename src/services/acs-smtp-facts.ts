import type { Fact } from "./fact.ts";

export const acsSmtpFacts: Readonly<Record<string, Fact<unknown>>> = {};
