import { localPrincipals } from "./check-local-doors.ts";
import type { GatewayConfig } from "./gateway-config.ts";
import type { Report } from "./load.ts";

/** Identities: what one of them needs elsewhere, and what of it has ended already. */
export function checkIdentities({ identities, tokenStore }: GatewayConfig, report: Report): void {
  identities.forEach((identity, index) => {
    const path = ["identities", index] as const;
    switch (identity.kind) {
      case "device-code":
      case "authorization-code":
        if (tokenStore.key === undefined)
          report(
            "error",
            [...path, "kind"],
            "keeps a refresh token, and there is no key to encrypt it under",
            "Add tokenStore: { key: { file: path } }; make the key with `openssl rand -base64 32`.",
          );
        return;
      case "client-secret":
        identity.secrets.forEach(({ expires }, place) => {
          if (expires !== undefined && Date.parse(expires) < Date.now())
            report("warning", [...path, "secrets", place], `ended on ${expires}`, "Renew it: `postern setup ROUTE --rotate` says how.");
        });
        return;
      case "client-certificate":
      case "managed-identity":
      case "password":
    }
  });
  const { key } = tokenStore;
  if (key !== undefined && key.read().length < 16)
    report("error", ["tokenStore", "key"], "is shorter than 16 characters", "Make one with `openssl rand -base64 32`.");
}

/** A principal's tokens: each says one bearer, and there is an authority whose tokens they are. */
export function checkPrincipalTokens(config: GatewayConfig, index: number, report: Report): void {
  const { principals, tokens } = config;
  const principal = principals[index];
  if (principal === undefined) return;
  const path = ["principals", index] as const;
  // Who comes by a door of this machine need not log in.
  const local = localPrincipals(config).has(principal.name);
  const { password, acsKeys, logins = [] } = principal;
  if (!local && password === undefined && principal.tokens === undefined && acsKeys === undefined && logins.length === 0)
    report(
      "error",
      path,
      "cannot log in",
      "Add password: { hash: … } (postern hash-password), logins, acsKeys, or tokens: [ { application: CLIENT-ID } ].",
    );
  principal.tokens?.forEach(({ application, user }, place) => {
    if ((application === undefined) === (user === undefined))
      report(
        "error",
        [...path, "tokens", place],
        "must say application or user",
        "Write { application: CLIENT-ID } or { user: name@domain }.",
      );
  });
  if (principal.tokens !== undefined && tokens.authorities.length === 0)
    report("error", [...path, "tokens"], "no tokens are taken", "Add tokens: { authorities: [ { tenant, audiences } ] }.");
}
