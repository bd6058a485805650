import { Readable } from "node:stream";
import { domainOf } from "../../mail/address.ts";
import { scanHeader } from "../../wire/mime/header-scan.ts";
import { findDomain } from "../tenant/directory.ts";
import type { Tenant } from "../tenant/tenant.ts";
import { sendgridDomainOf } from "../world/sendgrid-domain.ts";
import type { SigningKeyName, SigningKeys } from "../world/signing-keys.ts";
import { initialDomain } from "../world/world-zones.ts";

interface SigningPlan {
  readonly domain: string;
  readonly selector: string;
  readonly key: SigningKeyName;
}

/**
 * The DKIM-Signature that a service puts on what it sends; empty where it signs nothing (an Exchange server of one's own). mailauth signs, so
 * that neither the gateway's signer nor its checks are judged by their own kin.
 */
export async function signMessage(
  keys: SigningKeys,
  tenant: Tenant,
  service: string,
  head: Buffer,
  content: AsyncIterable<Buffer>,
): Promise<string> {
  const plan = signingPlan(tenant, service, domainOf(scanHeader(head, false).authors[0] ?? ""));
  if (plan === null) return "";
  const { dkimSign } = await import("mailauth");
  const key = { signingDomain: plan.domain, selector: plan.selector, privateKey: await keys.privateKey(plan.key) };
  // Its types want the key on top, its code only looks in signatureData.
  const { signatures, errors } = await dkimSign(Readable.from(content), {
    ...key,
    canonicalization: "relaxed/relaxed",
    signatureData: [key],
    strict: true,
  });
  const [error] = errors;
  if (error !== undefined) throw new Error(`${service} could not sign for ${plan.domain}`, { cause: error });
  return signatures;
}

function signingPlan(tenant: Tenant, service: string, author: string): SigningPlan | null {
  switch (service) {
    case "smtp-auth":
    case "hve":
    case "tenant-mx": {
      // MS "How to use DKIM": without keys of the author's domain, the tenant's initial domain signs (which is not aligned).
      const domain = findDomain(tenant, author)?.name ?? initialDomain(tenant.domains.map(({ name }) => name));
      return { domain, selector: "selector1", key: "exo-selector1" };
    }
    case "acs-smtp": {
      const domain = tenant.acs.flatMap(({ domains }) => domains).find(({ name, verified }) => verified && name.toLowerCase() === author);
      return domain === undefined ? null : { domain: author, selector: "selector1-azurecomm-prod-net", key: "acs-selector1" };
    }
    case "sendgrid-smtp": {
      const domain = sendgridDomainOf(tenant, author);
      return domain === null ? null : { domain, selector: "s1", key: "sendgrid-s1" };
    }
    default:
      return null;
  }
}
