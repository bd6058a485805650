import type { Principal } from "../../identity/principal.ts";
import type { Draft, WholeMessage } from "../../submission/submission.ts";
import { composeMessage } from "../../wire/mime/compose-message.ts";
import { apiError, ApiRefusal } from "../../wire/sendgrid/api-errors.ts";
import { hasControl, isAddress, type EmailObject } from "../../wire/sendgrid/fields.ts";
import type { MailSend } from "../../wire/sendgrid/mail-send.ts";
import { subjectFault } from "../../wire/sendgrid/read-message-fields.ts";
import { withDefaults, type Personalization } from "../../wire/sendgrid/read-personalizations.ts";
import { createSubstitution } from "../../wire/sendgrid/substitute.ts";

export interface Maker {
  readonly principal: Principal;
  readonly origin: Draft["origin"];
  /** For Received. */
  readonly protocol: string;
  /** Policy-clock ms. */
  readonly now: number;
  /** A random text that nobody can guess; another at each call. */
  readonly boundary: () => string;
  /** Of the nth message, with angle brackets. */
  readonly messageId: (n: number) => string;
}

/**
 * One message for each personalization, made when it is asked for: what a request makes of itself need not be in memory at once.
 *
 * @throws ApiRefusal when a substitution makes a subject or an address that is none
 */
export async function* makeMessages(mail: MailSend, maker: Maker): AsyncGenerator<WholeMessage, void> {
  for (const [n, personalization] of mail.personalizations.entries()) yield await makeMessage(mail, personalization, n, maker);
}

async function makeMessage(mail: MailSend, personalization: Personalization, n: number, maker: Maker): Promise<WholeMessage> {
  const { to, cc, bcc, sendAt } = personalization;
  const from = personalization.from ?? mail.from;
  const field = `personalizations.${n}.substitutions`;
  const substitute = createSubstitution(personalization.substitutions);
  const subject = substitute(personalization.subject ?? "");
  const fault = subjectFault(subject);
  if (fault !== null) throw new ApiRefusal([apiError(field, fault)]);
  const replyTo = mail.replyTo.map((mailbox) => substituted(mailbox, substitute, field));
  const { openTrackingTag } = mail;
  const content = await composeMessage({
    from: mailboxOf(from),
    to: to.map(mailboxOf),
    cc: cc.map(mailboxOf),
    replyTo: replyTo.map(mailboxOf),
    subject,
    messageId: maker.messageId(n),
    date: maker.now,
    headers: withDefaults(mail.headers, personalization.headers, true),
    alternatives: mail.content.map(({ type, value }) => ({
      type,
      value: substitute(openTrackingTag === undefined ? value : value.replaceAll(openTrackingTag, "")),
    })),
    attachments: mail.attachments.map(({ content: bytes, filename, type, disposition, contentId }) => ({
      content: bytes,
      filename,
      inline: disposition === "inline",
      ...(type === undefined ? {} : { type }),
      ...(contentId === undefined ? {} : { contentId }),
    })),
    boundary: maker.boundary(),
  });
  const draft: Draft = {
    principal: maker.principal,
    origin: maker.origin,
    envelope: { reversePath: from.email, recipients: [...to, ...cc, ...bcc].map(({ email }) => ({ address: email })) },
    protocol: maker.protocol,
    ...(sendAt === null ? {} : { notBefore: sendAt }),
  };
  return { draft, content, event: { what: "sendgrid-api", text: traceText(mail, personalization) } };
}

/** @throws ApiRefusal */
function substituted({ email, name }: EmailObject, substitute: (text: string) => string, field: string): EmailObject {
  const address = substitute(email);
  const shown = name === undefined ? undefined : substitute(name);
  if (!isAddress(address) || (shown !== undefined && hasControl(shown)))
    throw new ApiRefusal([apiError(field, "The reply_to email does not contain a valid address.")]);
  return { email: address, ...(shown === undefined ? {} : { name: shown }) };
}

function mailboxOf({ email, name }: EmailObject) {
  return { address: email, ...(name === undefined ? {} : { name }) };
}

/** Kept for the trace; it does not go out. */
function traceText({ categories, notDone, personalizations, customArgs: all }: MailSend, { customArgs: own }: Personalization): string {
  const customArgs = withDefaults(all, own, false);
  const parts = [
    `one of ${personalizations.length} in its request`,
    ...(categories.length === 0 ? [] : [`categories ${categories.join(", ")}`]),
    ...(customArgs.size === 0 ? [] : [`custom_args ${JSON.stringify(Object.fromEntries(customArgs))}`]),
    ...(notDone.length === 0 ? [] : [`not done: ${notDone.join(", ")}`]),
  ];
  return parts.join("; ").slice(0, 2000);
}
