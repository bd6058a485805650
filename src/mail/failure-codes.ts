import type { Failure, FailureOrigin, FailureScope } from "./failure.ts";
import type { Reply } from "./reply.ts";
import type { StatusDetail } from "./status.ts";

/**
 * Every failure Postern can name, once. docs/reference/errors.md is generated from this table and a test keeps both in step.
 *
 * `permanent`, `detail`, `origin` and `scope` are what the code means unless the one who raises it knows better (a peer's own status wins);
 * `text` is what a sender reads; `remedy` is what an administrator reads. Details are from the IANA registry of enhanced status codes.
 */
export const failureCodes = {
  "submission.unauthenticated": entry(true, "7.0", "policy", "message", "Authentication is required", "Log in with a principal's name and password, or send from a trusted network."),
  "submission.tls-required": entry(true, "7.0", "policy", "message", "Encryption is required: say STARTTLS first", "Switch the client to STARTTLS, or use the port with implicit TLS."),
  "submission.bad-credentials": entry(true, "7.8", "policy", "message", "Authentication credentials are invalid", "Check name and password of the principal in the configuration."),
  "submission.locked-out": entry(false, "7.0", "policy", "message", "Too many failed log-ins, try again later", "Mend the client that keeps sending a wrong password; the lock ends by itself."),
  "submission.busy": entry(false, "7.0", "internal", "message", "Cannot check the log-in now, try again", "Many log-ins arrive at once, or the authority of a token cannot be asked just now; the client may try again."),
  "submission.network-not-trusted": entry(true, "7.1", "policy", "message", "Relaying is not allowed from this address", "Add the device's network to `networks`, or let it log in."),
  "submission.reverse-path-not-allowed": entry(true, "7.1", "policy", "message", "This sender address is not allowed here", "Add the address to the principal's or the network's `reversePaths`."),
  "submission.author-not-allowed": entry(true, "7.1", "policy", "message", "This From address is not allowed here", "Add the address to the principal's or the network's `authors`."),
  "submission.recipient-not-allowed": entry(true, "7.1", "policy", "recipient", "This recipient is not allowed from here", "Add the recipient's domain to the fence of the network or principal."),
  "submission.rate-exceeded": entry(false, "7.0", "policy", "message", "Too many messages from this sender, try again later", "Raise `rate` of the network or principal, or send more slowly."),
  "submission.address-syntax": entry(true, "1.3", "policy", "recipient", "The address is not valid", "Mend the address."),
  "submission.sender-syntax": entry(true, "1.7", "policy", "message", "The sender address is not valid", "Mend the sender address."),
  "submission.too-many-recipients": entry(false, "5.3", "policy", "recipient", "Too many recipients", "Send the rest in another message, or raise `maxRecipients`."),
  "submission.too-large": entry(true, "3.4", "policy", "message", "The message is too large", "Send a smaller message, or raise `maxMessageSize`."),
  "submission.line-ending": entry(true, "6.0", "policy", "message", "The message has a bare CR, a bare LF or a NUL", "Let the client end lines with CRLF, or set `lineEndings: normalise` for its listener."),
  "submission.missing-header": entry(true, "6.0", "policy", "message", "A required header field is missing", "Add From, Date and Message-ID, or let Postern add them (`missingHeaders: add`)."),
  "submission.header-syntax": entry(true, "6.0", "policy", "message", "The header section is not valid", "Mend the header section: one From field, and no line without a name."),
  "submission.request-syntax": entry(true, "6.0", "policy", "message", "The request is not valid", "Mend the application: the answer names each field that is wrong."),
  "submission.content-encoding": entry(true, "6.3", "policy", "message", "The content needs an extension that was not declared", "Declare BODY=8BITMIME or SMTPUTF8."),
  "submission.route-refuses-sender": entry(true, "7.1", "policy", "recipient", "No route to this recipient may send as this sender", "Send as the account of the route, name the sender in its `senders`, or set its `rewriteSender`; `postern routes explain` shows what each allows."),
  "submission.no-route": entry(true, "4.4", "policy", "recipient", "There is no route for this recipient", "Add a rule in `routing` that matches, or a default rule."),
  "pickup.not-a-plain-file": entry(true, "6.0", "policy", "message", "Only regular files are picked up", "Write the letter as a file of its own into the folder, readable for the gateway; no links, pipes or folders."),
  "pickup.no-envelope": entry(true, "6.0", "policy", "message", "The letter does not say from whom or to whom it is", "Add X-Sender and X-Receiver, or From and To, Cc or Bcc."),
  "bounce.address-unknown": entry(true, "1.1", "policy", "recipient", "Only returned mail is taken here, at the address that it was sent from", "Nothing to do: somebody guessed an address, altered one, or writes to the sender of a message by its Return-Path."),
  "bounce.address-expired": entry(true, "1.1", "policy", "recipient", "This return address has expired", "Nothing to do, or raise `validFor` of the domain's `bounces` if servers return mail later than that."),
  "bounce.message-forgotten": entry(true, "1.1", "policy", "message", "There is no record any more of the message that is returned", "Keep the history longer than bounce addresses are valid: `history.keep` and `history.maxSize`."),
  "bounce.rate-exceeded": entry(false, "7.0", "policy", "message", "Too much returned mail from this address, try again later", "Raise `rate` of the bounce listener if a real server is slowed down."),
  "limits.quota-exceeded": entry(false, "7.1", "policy", "route", "A sending limit is reached, the message waits", "Nothing to do; `postern why` names the limit and when it frees."),
  "spool.full": entry(false, "3.1", "internal", "message", "Out of disk space, try again later", "Free space on the disk of the data directory."),
  "spool.unavailable": entry(false, "3.0", "internal", "message", "Cannot store the message now, try again later", "See the log: the data directory cannot be written."),
  "system.shutting-down": entry(false, "3.2", "internal", "message", "Shutting down, try again later", "Nothing to do."),
  "system.busy": entry(false, "4.5", "internal", "message", "Too much mail is coming in, try again later", "Many large messages arrive at once and the disk cannot follow; they will come again."),
  "system.too-many-connections": entry(false, "7.0", "internal", "message", "Too many connections, try again later", "Raise `maxConnections`, or mend the client that opens so many."),
  "system.fault": entry(false, "3.0", "internal", "message", "Something went wrong here, try again later", "A fault of Postern: see the log, and report it."),
  "remote.no-such-recipient": entry(true, "1.1", "remote", "recipient", "The next hop does not know the recipient", "Check the address."),
  "remote.mailbox-full": entry(false, "2.2", "remote", "recipient", "The recipient's mailbox is full", "The recipient has to make room."),
  "remote.refused-recipient": entry(true, "1.0", "remote", "recipient", "The next hop refused the recipient", "Read the reply."),
  "remote.refused-sender": entry(true, "1.0", "remote", "message", "The next hop refused the sender", "Read the reply; the route may need another sender."),
  "remote.refused-message": entry(true, "6.0", "remote", "message", "The next hop refused the message", "Read the reply."),
  "remote.refused-by-policy": entry(true, "7.1", "remote", "message", "The next hop refused the message by its policy", "Read the reply."),
  "remote.delayed": entry(false, "0.0", "remote", "recipient", "The next hop asked to try again later", "Nothing to do."),
  "remote.throttled": entry(false, "4.5", "remote", "route", "The next hop is throttling", "Nothing to do; Postern slows down."),
  "remote.unavailable": entry(false, "4.2", "remote", "route", "The next hop does not take mail now", "Nothing to do; Postern tries again and other routes meanwhile."),
  "remote.too-large": entry(true, "3.4", "remote", "message", "The message is larger than the next hop takes", "Send a smaller message, or use a route that takes it."),
  "remote.no-8bitmime": entry(true, "6.3", "remote", "message", "The next hop cannot take 8-bit content", "Use another route, or let the sender encode the content."),
  "remote.no-smtputf8": entry(true, "6.7", "remote", "message", "The next hop cannot take internationalised addresses", "Use another route."),
  "remote.protocol": entry(false, "5.0", "remote", "route", "The next hop did not speak SMTP properly", "See the trace for its words."),
  "route.auth-failed": entry(false, "7.8", "remote", "route", "The next hop refused the route's credentials", "Mend user and secret of the route; its mail waits meanwhile."),
  "route.auth-unavailable": entry(false, "7.4", "remote", "route", "The next hop offers no way to log in that the route knows", "Check `auth` and `tls` of the route."),
  "route.auth-disabled-for-tenant": entry(false, "7.139", "remote", "route", "SMTP AUTH is switched off for the tenant", "Allow it for the mailbox: Set-CASMailbox MAILBOX -SmtpClientAuthenticationDisabled $false."),
  "route.auth-disabled-for-mailbox": entry(false, "7.139", "remote", "route", "SMTP AUTH is switched off for the route's mailbox", "Set-CASMailbox MAILBOX -SmtpClientAuthenticationDisabled $false."),
  "route.auth-security-defaults": entry(false, "7.139", "remote", "route", "The tenant's security defaults refuse passwords", "Give the route an identity (OAuth), or replace security defaults by Conditional Access."),
  "route.auth-policy": entry(false, "7.139", "remote", "route", "The tenant's authentication policy refuses passwords", "Give the route an identity (OAuth), or an authentication policy with AllowBasicAuthSmtp to the mailbox."),
  "route.auth-federation": entry(false, "7.139", "remote", "route", "The tenant's federation service could not be asked", "Mend the federation service, or use OAuth or a cloud-only account."),
  "route.auth-basic-removed": entry(false, "7.30", "remote", "route", "Passwords have ended at this service", "Give the route an identity (OAuth), or send by another route."),
  "route.auth-app-not-allowed": entry(false, "7.240", "remote", "route", "The account does not allow the route's application", "Add-HVEAppAccess with the object id of the enterprise application."),
  "route.auth-permission-missing": entry(false, "7.144", "remote", "route", "The route's application lacks a permission", "Give it the permission and consent as administrator; `postern doctor` names it."),
  "route.auth-token-expired": entry(false, "7.143", "remote", "route", "The route's token has expired or is about to", "Nothing to do: a fresh one is fetched. If it repeats, check the clock."),
  "route.auth-not-hve-account": entry(false, "2.240", "remote", "route", "The route's account is not a High Volume Email account", "Log in with an account made by New-MailUser -HVEAccount."),
  "route.sender-not-allowed": entry(true, "7.1", "policy", "message", "The route may not send as this sender", "Name the sender in `senders` of the route when the service allows it, or set `rewriteSender`, or use another route."),
  "route.tls-required": entry(false, "7.10", "remote", "route", "The next hop offers no encryption and the route requires it", "Set `tls` of the route, or mend the next hop."),
  "route.tls-failed": entry(false, "7.5", "network", "route", "The encrypted connection could not be made", "Check the next hop's certificate against `tls` and `serverName` of the route."),
  "route.answer-lost": entry(false, "4.2", "network", "message", "The connection broke before the next hop answered: it may have taken the message", "`postern trace` shows the attempt; decide with `postern queue retry` or `drop` if the route waits for you."),
  "route.unavailable": entry(false, "4.4", "internal", "route", "No route is available now", "See `postern routes`."),
  "route.write-failed": entry(false, "3.0", "internal", "route", "The route could not write the message", "Check the route's folder and its disk."),
  "quota.mailbox": entry(false, "1.90", "remote", "route", "The mailbox has sent to as many recipients as it may in a day", "Nothing to do: the mail waits. Send by another route or mailbox if it is urgent."),
  "quota.tenant": entry(false, "7.233", "remote", "route", "The tenant has sent to as many external recipients as it may in a day", "Nothing to do: the mail waits. More licences raise the limit."),
  "quota.onmicrosoft": entry(false, "7.236", "remote", "message", "The tenant's onmicrosoft.com senders have reached their daily limit", "Send from a domain of your own."),
  "quota.receiver": entry(false, "2.122", "remote", "recipient", "The recipient receives more than it may in an hour", "Nothing to do: the mail to this recipient waits."),
  "quota.receiver-from-sender": entry(false, "2.121", "remote", "recipient", "The recipient has received as much from this sender as it may in an hour", "Nothing to do: the mail waits. At most 1,200 an hour from one sender to one mailbox."),
  "quota.connections": entry(false, "3.2", "remote", "route", "The next hop takes fewer connections at a time", "Nothing to do: fewer are used for a while. Lower `maxConnections` of the route if it repeats."),
  "quota.subscription": entry(false, "4.5", "remote", "route", "The subscription's sending quota is used up for now", "Nothing to do: the mail waits. A ticket raises the quota."),
  "quota.credits": entry(false, "7.0", "remote", "route", "The plan's mails are used up", "Raise the plan, or wait for its next period."),
  "quota.sent-items": entry(false, "2.2", "remote", "route", "The sending mailbox is full and cannot keep its copies", "Make room in the sending mailbox."),
  "blocked.sender": entry(false, "1.8", "remote", "route", "The service has blocked the sending mailbox", "Find out what it sent, then unblock it in Microsoft Defender, Restricted entities."),
  "blocked.tenant": entry(false, "7.705", "remote", "route", "The service has blocked the tenant", "Ask Microsoft's support; find out which account sent spam."),
  "blocked.address": entry(false, "7.606", "remote", "route", "Our address is on a block list", "Read the reply: it names the list and how to be removed; send by an authenticated route meanwhile."),
  "relay.denied": entry(true, "7.64", "remote", "route", "The next hop does not relay for us", "Check the inbound connector: certificate, address, accepted domains."),
  "relay.locked-down": entry(false, "7.51", "remote", "route", "A partner connector admits other sources only", "Let the connector know our certificate or address."),
  "relay.direct-send-rejected": entry(false, "7.68", "remote", "route", "The organisation rejects Direct Send", "Use a connector, or another route."),
  "relay.wrong-region": entry(false, "4.62", "remote", "route", "The mail came to another region of the service", "Use the MX of your own domain, looked up, never an address written down."),
  "relay.starttls-needed": entry(false, "7.3", "remote", "route", "The connector requires encryption", "Set `tls: required` of the route."),
  "relay.outdated-server": entry(false, "7.230", "remote", "route", "The service throttles or blocks an out-of-date Exchange server", "Update the server; a pause of up to 90 days a year can be had."),
  "sender.send-as-denied": entry(true, "7.60", "remote", "message", "The route's account may not send as this sender", "Add-RecipientPermission SENDER -Trustee ACCOUNT -AccessRights SendAs, or name the senders in `senders` of the route."),
  "sender.throttled": entry(false, "2.252", "remote", "route", "The account is throttled after many attempts to send as others", "Mend the application that uses a sender it may not."),
  "sender.not-account": entry(true, "7.62", "remote", "message", "The sender must be the route's account", "Send as the account, or set `rewriteSender` of the route."),
  "sender.not-verified": entry(true, "7.1", "remote", "message", "The sender is not verified at the service", "Verify the sender or its domain there, or name the senders in `senders` of the route."),
  "domain.unauthenticated": entry(true, "7.515", "remote", "message", "The sender's domain does not pass SPF, DKIM or DMARC at the receiver", "Publish SPF and DKIM for the domain; `postern dns DOMAIN` shows what is missing."),
  "network.connect": entry(false, "4.1", "network", "route", "No connection to the next hop", "Check host, port and firewall."),
  "network.connection-lost": entry(false, "4.2", "network", "route", "The connection to the next hop broke", "Nothing to do."),
  "network.timeout": entry(false, "4.2", "network", "route", "The next hop did not answer in time", "Nothing to do."),
  "network.blocked-address": entry(false, "4.4", "policy", "route", "The next hop's address is not allowed", "Set `allowPrivate: true` on the route if it is meant to be a private or loopback address."),
  "dns.temporary": entry(false, "4.3", "network", "destination", "The name of the next hop could not be looked up", "Check the resolver."),
  "dns.no-such-domain": entry(true, "1.2", "network", "destination", "The domain does not exist", "Check the address."),
  "dns.null-mx": entry(true, "1.10", "network", "destination", "The domain takes no mail at all", "Check the address: the domain says so itself (null MX, RFC 7505)."),
  "dns.no-mail-server": entry(true, "4.4", "network", "destination", "The domain has no mail server", "Check the address; the domain's owner has to mend its MX records."),
  "dns.mx-loop": entry(true, "4.6", "network", "destination", "The domain's mail server is this gateway itself", "Give the domain a route of its own, or mend its MX records."),
  // The details of these five are those that Exchange Online says for the same troubles.
  "tls.not-offered": entry(false, "7.321", "remote", "destination", "The destination demands encryption, and its mail server does not offer it", "Its owner has to mend STARTTLS, or its MTA-STS policy or TLSA records."),
  "tls.certificate-expired": entry(false, "7.322", "remote", "destination", "The certificate of the destination's mail server has expired", "Its owner has to renew it."),
  "tls.tlsa-mismatch": entry(false, "7.323", "remote", "destination", "The certificate of the destination's mail server is not the one that its TLSA records name", "Its owner has to publish TLSA records for the new certificate."),
  "tls.dnssec-invalid": entry(false, "7.324", "network", "destination", "The destination's DNSSEC-signed records could not be validated", "Its owner has to mend DNSSEC or TLSA look-ups; `dig +cd` shows what a broken signature hides."),
  "tls.certificate-mismatch": entry(false, "7.325", "remote", "destination", "The certificate of the destination's mail server carries another name", "Its owner has to mend the certificate or the MX records."),
  "tls.certificate-untrusted": entry(false, "7.5", "remote", "destination", "The certificate of the destination's mail server is not from an authority that we know", "Its owner has to use a certificate of a public authority, as its MTA-STS policy says."),
  "mta-sts.server-not-listed": entry(false, "7.5", "policy", "destination", "None of the destination's mail servers is in its own MTA-STS policy", "Its owner has to bring MX records and policy together."),
  "message.loop": entry(true, "4.6", "policy", "message", "The message goes round in circles: too many hops", "Two systems relay to each other: mend one of them."),
  "message.expired": entry(true, "4.7", "internal", "recipient", "The message could not be passed on in time", "See the last reply in the trace."),
  "message.cancelled": entry(true, "7.1", "policy", "recipient", "An operator removed the message", "Nothing to do."),
} as const satisfies Record<string, FailureEntry>;

export type FailureCode = keyof typeof failureCodes;

export interface FailureEntry {
  readonly permanent: boolean;
  readonly detail: StatusDetail;
  readonly origin: FailureOrigin;
  readonly scope: FailureScope;
  readonly text: string;
  readonly remedy: string;
}

function entry(permanent: boolean, detail: StatusDetail, origin: FailureOrigin, scope: FailureScope, text: string, remedy: string): FailureEntry {
  return { permanent, detail, origin, scope, text, remedy };
}

/** What the one who raises a failure may know better than the registry. */
export interface FailureChanges {
  readonly permanent?: boolean;
  readonly detail?: StatusDetail;
  readonly scope?: FailureScope;
  readonly text?: string;
  readonly advice?: string;
  readonly reply?: Reply;
}

/** A failure by its code. `changes` overrides what the raiser knows better. */
export function failure(code: FailureCode, changes?: FailureChanges): Failure {
  const { permanent, detail, origin, scope, text } = failureCodes[code];
  return { code, permanent, detail, origin, scope, text, ...changes };
}
