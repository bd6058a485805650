import { domainOf } from "../mail/address.ts";
import type { Priority } from "../mail/priority.ts";
import { refuse, type Refusal } from "../mail/refusal.ts";
import type { Addressed } from "../queue/admission.ts";
import type { Extent, StoredMessage } from "../queue/store.ts";
import type { Decision, RejectionReason } from "../routing/decide.ts";
import type { HeaderScan } from "../wire/mime/header-scan.ts";
import { checkHeader } from "./check-header.ts";
import { composePrefix } from "./prefix.ts";
import type { ContentFacts, Draft } from "./submission.ts";
import type { SubmitDeps } from "./submit-deps.ts";

/** A message that may be accepted: checked, completed, routed. */
export interface Prepared {
  readonly message: StoredMessage;
  readonly addressed: readonly Addressed[];
}

/**
 * @param finish where the content lies when it is on disk already; asked when nothing speaks against the message any more
 * @throws Refusal
 */
export async function prepare(
  draft: Draft,
  header: HeaderScan,
  facts: ContentFacts,
  finish: () => Promise<readonly Extent[]> | undefined,
  deps: SubmitDeps,
): Promise<Prepared> {
  const now = deps.clock.now();
  const id = deps.ids.next();
  checkHeader(header, draft, deps.options);
  const { prefix, messageIdField, author } = composePrefix(header, draft, { id, now, hostname: deps.hostname });
  const addressed = route(draft, prefix.length + facts.size, author, deps);
  const extents = await finish();
  const { envelope } = draft;
  const message: StoredMessage = {
    id,
    receivedAt: now,
    principal: draft.principal.name,
    origin: draft.origin,
    reversePath: envelope.reversePath,
    messageIdField,
    subject: header.subject,
    author,
    content: {
      size: facts.size,
      leadingDots: facts.leadingDots,
      eightBit: facts.eightBit,
      ...(extents === undefined ? {} : { extents }),
    },
    prefix,
    ...(priorityOf(draft, header) === "bulk" ? { priority: "bulk" as const } : {}),
    expiresAt: (draft.notBefore ?? now) + deps.options.lifetimeMs,
    ...(envelope.envid === undefined ? {} : { envid: envelope.envid }),
    ...(envelope.ret === undefined ? {} : { ret: envelope.ret }),
    ...(envelope.smtputf8 === undefined ? {} : { smtputf8: envelope.smtputf8 }),
  };
  return { message, addressed };
}

/** As senders of bulk tell of it themselves: by the field of lists (RFC 2369 §3.2), or by a keyword of old (RFC 3834 §3.1.8 has them). */
function priorityOf({ principal }: Draft, { listUnsubscribe, precedence }: HeaderScan): Priority {
  if (principal.priority !== undefined) return principal.priority;
  return listUnsubscribe || (precedence !== null && bulkPrecedences.has(precedence)) ? "bulk" : "transactional";
}

const bulkPrecedences: ReadonlySet<string> = new Set(["bulk", "list", "junk"]);

/** Decides for every recipient; refuses the message when there is one that no rule sends anywhere. */
function route(draft: Draft, size: number, author: string, deps: SubmitDeps): readonly Addressed[] {
  const { principal, envelope } = draft;
  const { postmaster, queue } = deps;
  const { router } = queue;
  // As the queue has it later, so that the answer stays the same (queue.ts, `decide`).
  const authors = author === "" ? [] : author.split(", ");
  return envelope.recipients.map((given) => {
    // RFC 5321 §4.5.1: the only recipient without a domain is <Postmaster>, and that is ours, not whoever's the next hop is.
    const recipient = given.address.includes("@") ? given : { ...given, address: postmaster };
    const decision = router.decide({
      principal: principal.name,
      reversePath: envelope.reversePath,
      authors,
      recipientDomain: domainOf(recipient.address),
      recipient: recipient.address,
      size,
      dsn: false,
      smtputf8: envelope.smtputf8 === true,
    });
    if (decision.candidates.length === 0) {
      throw noWay(decision, recipient.address);
    }
    return { recipient, decision };
  });
}

/** Refused here, before the service would: with the reason that a sender can do something about. */
function noWay({ rejected }: Decision, address: string): Refusal {
  const all = (reason: RejectionReason): boolean => rejected.length > 0 && rejected.every((route) => route.reason === reason);
  if (all("too-large")) return refuse("submission.too-large", { text: `The message is too large for every route to ${address}` });
  const fenced = rejected.find(({ reason }) => reason === "sender-not-allowed");
  if (fenced === undefined) return refuse("submission.no-route", { text: `There is no route for ${address}` });
  const allowed = fenced.senders?.slice(0, 3).join(", ") ?? "";
  return refuse("submission.route-refuses-sender", {
    text: `The route to ${address} does not send as this sender${allowed === "" ? "" : `, only as ${allowed}`}`,
  });
}
