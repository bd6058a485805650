import type { Clock } from "../../lib/clock.ts";
import { jwtVerify, errors } from "jose";
import { findApplication, findDomain, findHveAccount, findMailbox } from "../tenant/directory.ts";
import type { TenantStore } from "../tenant/tenant-store.ts";
import type { Application, Tenant } from "../tenant/tenant.ts";
import { Aadsts } from "./aadsts.ts";
import { checkSecret } from "./client-authentication.ts";
import { PendingGrants } from "./pending-grants.ts";
import { isAudience, shown, type Asked, type Resource } from "./resources.ts";
import { SigningKeys } from "./signing-keys.ts";
import type { Entra, TokenCheck } from "./token-check.ts";
import { applicationToken, issuerOf, type User } from "./tokens.ts";

/**
 * Entra, emulated: who may ask for tokens, the tokens, and the check of them that the other services do.
 *
 * Tokens are real: RS256 over keys that are published, with the claims Entra publishes, so official libraries get and read them. What it does
 * not do: consent by users, groups, guests, federation, conditional access beyond one switch. entra-service.ts speaks HTTP for it.
 * Lives of tokens are wall time; ends of secrets and of refresh tokens follow the sandbox's clock, so that a test can reach them.
 */
export class EntraDirectory implements Entra {
  readonly keys: SigningKeys;
  readonly grants: PendingGrants;
  readonly clock: Clock;
  readonly #tenants: TenantStore;

  constructor(tenants: TenantStore, clock: Clock, keyFile: string) {
    this.#tenants = tenants;
    this.clock = clock;
    this.keys = new SigningKeys(keyFile);
    this.grants = new PendingGrants();
  }

  get tenant(): Tenant {
    return this.#tenants.current;
  }

  /** Of the first part of a path: a GUID, a domain, or one of the names for any tenant. @throws Aadsts */
  tenantNamed(name: string): Tenant {
    const { tenant } = this;
    const wanted = name.toLowerCase();
    if (wanted === tenant.id.toLowerCase() || wanted === "common" || wanted === "organizations" || findDomain(tenant, wanted) !== null)
      return tenant;
    throw new Aadsts(
      90002,
      `Tenant '${shown(name)}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.`,
    );
  }

  /** Somebody who can sign in: a mailbox, or an HVE account. */
  user(name: string): User | null {
    const mailbox = findMailbox(this.tenant, name);
    if (mailbox !== null) return mailbox;
    const account = findHveAccount(this.tenant, name);
    return account === null ? null : { ...account, mfa: false };
  }

  lifeSeconds(): number {
    return this.tenant.policies.accessTokenLifetimeSeconds;
  }

  /** @throws Aadsts where a switch of conditional access forbids it. */
  admit(): void {
    if (this.tenant.policies.conditionalAccessBlocks)
      throw new Aadsts(53003, "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.");
  }

  async forApplication(application: Application, asked: Asked, lifeSeconds = this.lifeSeconds()): Promise<string> {
    this.admit();
    return await applicationToken(this.keys, this.tenant, application, asked, lifeSeconds);
  }

  async check(token: string, audience: Resource): Promise<TokenCheck> {
    try {
      const { payload } = await jwtVerify(
        token,
        (header) => {
          const key = this.keys.find(header.kid);
          if (key === null) throw new errors.JWSSignatureVerificationFailed();
          return key.publicKey;
        },
        { algorithms: ["RS256"], requiredClaims: ["exp", "aud", "iss", "tid", "appid", "oid"] },
      );
      if (payload.iss !== issuerOf(this.tenant)) return { ok: false, why: "issuer" };
      if (typeof payload.aud !== "string" || !isAudience(audience, payload.aud)) return { ok: false, why: "audience" };
      const text = (name: string): string => (typeof payload[name] === "string" ? payload[name] : "");
      return {
        ok: true,
        claims: {
          aud: payload.aud,
          tid: text("tid"),
          appid: text("appid"),
          oid: text("oid"),
          roles: Array.isArray(payload["roles"]) ? payload["roles"].map(String) : [],
          scp: text("scp")
            .split(" ")
            .filter((scope) => scope !== ""),
          upn: text("upn") || null,
          exp: payload.exp ?? 0,
        },
      };
    } catch (error) {
      if (error instanceof errors.JWTExpired) return { ok: false, why: "expired" };
      if (error instanceof errors.JWTClaimValidationFailed)
        return { ok: false, why: error.claim === "nbf" ? "not-yet-valid" : "malformed" };
      if (error instanceof errors.JWSSignatureVerificationFailed || error instanceof errors.JOSEAlgNotAllowed)
        return { ok: false, why: "signature" };
      if (error instanceof errors.JOSEError || error instanceof TypeError) return { ok: false, why: "malformed" };
      throw error;
    }
  }

  clientSecretIsValid(clientId: string, tenantId: string, secret: string): boolean {
    const application = findApplication(this.tenant, clientId);
    if (application === null || tenantId.toLowerCase() !== this.tenant.id.toLowerCase()) return false;
    try {
      checkSecret(application, secret, this.clock.now());
      return true;
    } catch (error) {
      if (error instanceof Aadsts) return false;
      throw error;
    }
  }
}
