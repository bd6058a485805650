import type { Fact, Rule } from "./fact.ts";
import { fact } from "./rule.ts";
import type { ServiceKind, ServiceProfile } from "./service.ts";

/** The value of each part of a profile. */
export type ProfileValues = {
  readonly [Key in keyof ServiceProfile]: ServiceProfile[Key] extends Fact<infer T> ? T : never;
};

/** How each part of a profile is called: the last part of its id (so overrides name it), its title, its unit. */
export const profileParts: { readonly [Key in keyof ServiceProfile]: readonly [id: string, title: string, unit: string] } = {
  hosts: ["hosts", "Host names, the recommended first", ""],
  ports: ["ports", "Ports, the recommended first", ""],
  tls: ["tls", "Encryption", ""],
  minTlsVersion: ["tls-version", "Oldest TLS version taken", ""],
  sasl: ["log-in", "Ways to log in, the preferred first", ""],
  tokenScope: ["token-scope", "OAuth scope of its tokens", ""],
  maxRecipients: ["recipients-per-message", "Recipients in one message", "recipients"],
  maxSize: ["message-size", "Size of a message", "bytes"],
  maxConnections: ["connections", "Connections at the same time", "connections"],
  maxMessagesPerConnection: ["messages-per-connection", "Messages over one connection", "messages"],
  external: ["external-recipients", "Takes recipients outside the tenant", ""],
  internal: ["internal-recipients", "Takes recipients inside the tenant", ""],
  senderRule: ["sender-rule", "Whom it lets stand as sender", ""],
  keepsReversePath: ["keeps-reverse-path", "Keeps the reverse-path", ""],
  takesNullReversePath: ["null-reverse-path", "Takes the null reverse-path", ""],
  savesToSentItems: ["sent-items", "Saves a copy to Sent Items", ""],
  metered: ["metered", "Costs money or counts against a quota", ""],
  price: ["price", "Price", "USD"],
};

export type ProfileRules = { readonly [Key in keyof ProfileValues]: readonly Rule<ProfileValues[Key]>[] };

/** A profile's facts from its rules. */
export function profileOf(kind: ServiceKind, rules: ProfileRules): ServiceProfile {
  const entries = Object.entries(profileParts).map(([key, [id, title, unit]]) => [
    key,
    fact<unknown>(`${kind}.${id}`, title, unit, ...rules[key as keyof ProfileRules]),
  ]);
  return Object.fromEntries(entries) as ServiceProfile;
}
