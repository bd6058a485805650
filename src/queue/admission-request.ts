import type { AdmissionRequest } from "../limits/limits.ts";
import { domainOf } from "../mail/address.ts";
import type { CarryTraits } from "../routing/carry.ts";
import { isRewritten } from "../routing/fidelity.ts";
import type { OutgoingContent } from "../routes/route.ts";
import type { Job } from "./job.ts";
import type { Lane } from "./lanes.ts";
import type { StoredMessage } from "./store.ts";

/** What of a job the limits are told. */
export interface LimitedJob extends Pick<Job, "recipients"> {
  readonly message: Pick<StoredMessage, "author" | "reversePath" | "principal" | "dsnFor">;
  readonly lane: Pick<Lane, "priority" | "recipientClass">;
  readonly content: Pick<OutgoingContent, "size">;
}

/**
 * What the limits are asked about a job: with the sender as the service will see it, which a rewriting route changes.
 *
 * @param isInternal whether a domain, lower case, is one of the organisation's
 */
export function requestOf(
  { message, recipients, lane, content }: LimitedJob,
  route: string,
  traits: CarryTraits,
  isInternal: (domain: string) => boolean,
  now: number,
): AdmissionRequest {
  const { author, reversePath } = message;
  const authors = author === "" ? [] : author.split(", ");
  let sender = (authors[0] ?? reversePath ?? "").toLowerCase();
  let returnPath = (reversePath ?? "").toLowerCase();
  if (traits.rewritesSender === true && isRewritten(traits, { reversePath, authors, size: content.size }, isInternal)) {
    sender = traits.account;
    if (reversePath !== null) returnPath = traits.account;
  }
  const addresses: string[] = [];
  let external = 0;
  let again = false;
  for (const { address, lastFailure } of recipients) {
    if (lastFailure?.code === "limits.quota-exceeded") again = true;
    addresses.push(address.toLowerCase());
    if (lane.recipientClass === null ? !isInternal(domainOf(address)) : lane.recipientClass === "external") external++;
  }
  return {
    route,
    principal: message.principal,
    priority: lane.priority,
    sender: message.dsnFor === undefined ? sender : "",
    reversePath: returnPath,
    recipients: addresses,
    external,
    size: content.size,
    now,
    again,
  };
}
