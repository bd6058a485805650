import type { Principal } from "../../identity/principal.ts";
import { canonicalAddress, matchesAddress } from "../../mail/address.ts";
import { refuse } from "../../mail/refusal.ts";
import type { ContentFacts, MoreRoom, Receipt } from "../../submission/submission.ts";
import { AcsError } from "../../wire/acs/acs-error.ts";
import type { EmailMessage } from "../../wire/acs/email-message.ts";
import { composeMessage } from "../../wire/mime/compose-message.ts";
import { ContentScanner } from "../../wire/smtp/content-scanner.ts";
import type { CallerFacts } from "../http/door-log.ts";
import type { AcsApiDeps } from "./acs-api.ts";
import { messageIdFieldOf } from "./operation-id.ts";
import { partsOf } from "./parts-of.ts";

/** A checked message on its way in, with who sends it. */
export interface Sending {
  readonly message: EmailMessage;
  readonly principal: Principal;
  readonly mechanism: string;
  readonly contentHash: string;
  readonly client: CallerFacts;
  readonly more: MoreRoom;
}

/**
 * Resolves when the message is durable.
 *
 * @param named the client's own id, of which the Message-ID is made
 * @throws Refusal, AcsError
 */
export async function submitMessage(
  { message, principal, mechanism, contentHash, client, more }: Sending,
  named: { readonly operationId: string; readonly hostname: string } | null,
  { submit, identity, log, now }: Pick<AcsApiDeps, "submit" | "identity" | "log" | "now">,
): Promise<Receipt> {
  const { senderAddress } = message;
  if (!fits(principal.reversePaths, senderAddress)) throw refuse("submission.reverse-path-not-allowed");
  // Somebody who is named twice gets the message once.
  const all = [...message.to, ...message.cc, ...message.bcc].map(({ address }) => address);
  const recipients = [...new Map(all.map((address) => [canonicalAddress(address), address])).values()];
  const { recipients: fence, maxRecipients = Infinity, maxMessageSize = Infinity } = principal;
  if (recipients.length > maxRecipients) throw refuse("submission.too-many-recipients");
  if (fence !== undefined && !recipients.every((address) => fits(fence, address))) throw refuse("submission.recipient-not-allowed");
  const messageId = named === null ? message.messageId : messageIdFieldOf(named.operationId, principal.name, named.hostname);
  const content = await composeMessage(partsOf(message, messageId, now()));
  if (content.length > maxMessageSize) throw refuse("submission.too-large");
  const waitMs = identity.admit(principal);
  if (waitMs > 0) {
    const { text } = refuse("submission.rate-exceeded").failure;
    throw new AcsError(429, "TooManyRequests", text, undefined, Math.ceil(waitMs / 1000));
  }
  const incoming = submit({
    principal,
    origin: {
      door: "acs",
      clientAddress: client.address,
      ...(client.tls === "" ? {} : { tls: client.tls }),
      auth: mechanism,
      request: contentHash,
    },
    envelope: { reversePath: senderAddress, recipients: recipients.map((address) => ({ address })) },
    protocol: client.tls === "" ? "HTTP" : "HTTPS",
  });
  try {
    await incoming.write(content);
  } catch (error) {
    incoming.abort();
    throw error;
  }
  const receipt = await incoming.end(factsOf(content), more);
  log.accepted(client, receipt.id, content.length);
  return receipt;
}

function fits(patterns: readonly string[], address: string): boolean {
  return patterns.some((pattern) => matchesAddress(pattern, address));
}

/** @throws Error for what our composer must not make */
function factsOf(content: Buffer): ContentFacts {
  const scanner = new ContentScanner(false, "strict");
  for (let at = 0; at < content.length;) at = scanner.scan(content, at, content.length);
  if (scanner.finish() !== null || scanner.bareLineEnding || scanner.nul)
    throw new Error("the composed message has a line end that is none");
  return { size: scanner.size, leadingDots: scanner.leadingDots, eightBit: scanner.eightBit };
}
