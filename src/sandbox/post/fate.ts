import { domainOf, localPartOf } from "../../mail/address.ts";
import { replyText } from "../../mail/reply.ts";
import { readMagic } from "../smtp/magic.ts";
import { findMailbox, isAcceptedDomain, isRecipient } from "../tenant/directory.ts";
import type { Tenant } from "../tenant/tenant.ts";

/** What stands in a recipient's way before anything is sent; null: nothing. */
export type Obstacle = string | null;

const asked = "bounce-";

/**
 * `bounce-550@…`, `bounce-full@…`: taken by the service, and returned by a notification. The words are those of the magic addresses; a soft one
 * becomes hard, because a notification comes when trying is over.
 */
export function askedBounce(address: string): Obstacle {
  const local = localPartOf(address);
  if (!local.toLowerCase().startsWith(asked)) return null;
  const magic = readMagic(`${local.slice(asked.length)}@${domainOf(address)}`);
  if (magic === null || magic.behaviour.kind !== "reply") return null;
  const { code, lines } = magic.behaviour.reply;
  return replyText({ code: code < 500 ? 550 : code, lines: [`5${(lines[0] ?? "").slice(1)}`] });
}

/** The tenant has no such mailbox. The text is as commonly seen; the code is published. */
export function unknownRecipient(tenant: Tenant, address: string): Obstacle {
  return isAcceptedDomain(tenant, domainOf(address)) && !isRecipient(tenant, address)
    ? "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup"
    : null;
}

/** Its quota is used up. */
export function fullMailbox(tenant: Tenant, address: string, text: string): Obstacle {
  return findMailbox(tenant, address)?.full === true ? text : null;
}

/** The world ends with the domains it has. The code is published, the text as commonly seen. */
export function unknownDomain(domains: readonly string[], address: string): Obstacle {
  const domain = domainOf(address);
  return domains.includes(domain) ? null : `550 5.4.310 DNS domain ${domain} does not exist [Message=InfoDomainNonexistent]`;
}
