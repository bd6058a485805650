import type { Tenant } from "../tenant/tenant.ts";

/** The documents by which libraries find their way. OpenID Connect Discovery 1.0 §3; the instance document is what MSAL asks for. */
export function openIdConfiguration(base: string, name: string, tenant: Tenant, version: "v1" | "v2"): Readonly<Record<string, unknown>> {
  const any = name === "common" || name === "organizations";
  const path = `${base}/${any ? name : tenant.id}`;
  const v2 = version === "v2" ? "/v2.0" : "";
  const oauth = `${path}/oauth2${v2}`;
  return {
    token_endpoint: `${oauth}/token`,
    token_endpoint_auth_methods_supported: ["client_secret_post", "private_key_jwt"],
    jwks_uri: `${path}/discovery${v2}/keys`,
    response_modes_supported: ["query", "fragment", "form_post"],
    subject_types_supported: ["pairwise"],
    id_token_signing_alg_values_supported: ["RS256"],
    response_types_supported: ["code"],
    scopes_supported: ["openid", "profile", "email", "offline_access"],
    // Of any tenant: a pattern in which the caller puts the tid claim.
    issuer:
      version === "v2" ? `${base}/${any ? "{tenantid}" : tenant.id}/v2.0` : `https://sts.windows.net/${any ? "{tenantid}" : tenant.id}/`,
    authorization_endpoint: `${oauth}/authorize`,
    device_authorization_endpoint: `${oauth}/devicecode`,
    claims_supported: ["sub", "iss", "aud", "exp", "iat", "nonce", "preferred_username", "name", "tid", "ver"],
    code_challenge_methods_supported: ["plain", "S256"],
    tenant_region_scope: null,
    cloud_instance_name: hostOf(base),
  };
}

/** `/common/discovery/instance`: that this host is an authority, by that name alone. */
export function instanceDiscovery(base: string, tenantId: string): Readonly<Record<string, unknown>> {
  const host = hostOf(base);
  return {
    tenant_discovery_endpoint: `${base}/${tenantId}/v2.0/.well-known/openid-configuration`,
    "api-version": "1.1",
    metadata: [{ preferred_network: host, preferred_cache: host, aliases: [host] }],
  };
}

function hostOf(base: string): string {
  return base.replace(/^https?:\/\//, "");
}
