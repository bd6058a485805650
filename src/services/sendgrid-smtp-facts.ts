import type { Fact } from "./fact.ts";

export const sendgridSmtpFacts: Readonly<Record<string, Fact<unknown>>> = {};
