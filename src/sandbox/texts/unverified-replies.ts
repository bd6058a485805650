/**
 * Replies whose text, code or place in the dialogue nobody has published: each can be replaced in sandbox.yaml (`replies`). What is published
 * stands in the rooms themselves. `[host]`, `[date]`, `[account]` and `[address]` are filled in.
 */
export const unverifiedReplies = {
  "smtp-auth-basic-off": {
    text: "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled for more information. [[host] [date]]",
    about: "Password at an existing tenant after its default went off at the end of December 2026: which switch that is was not published.",
  },
  "smtp-auth-basic-new-tenant": {
    text: "550 5.7.30 Basic authentication is not supported for Client Submission.",
    about: "Password at a tenant made after December 2026: the text is published for the final removal.",
  },
  "smtp-auth-unlicensed": {
    text: "535 5.7.3 Authentication unsuccessful [[host]]",
    about: "Log-in to a user's mailbox that has no licence: what is said was not published.",
  },
  "smtp-auth-legacy-tls-tenant": {
    text: "550 5.7.67 TLS 1.0 and 1.1 are not supported for this tenant. Please upgrade/update your client to support TLS 1.2. Visit https://aka.ms/smtp_auth_tls. [[host]]",
    about:
      "Log-in over TLS 1.0 or 1.1 at smtp-legacy.office365.com of a mailbox whose tenant has not allowed it: only the code is known, from the field.",
  },
  "mailbox-full": {
    text: "554 5.2.2 mailbox full; STOREDRV.Deliver.Exception:QuotaExceededException",
    about: "In the notification about a mailbox of the tenant that is full: the code is published.",
  },
  "smtp-auth-too-many-recipients": {
    text: "550 5.5.3 Too many recipients",
    about: "More recipients than the mailbox may have in a message.",
  },
  "smtp-auth-too-large": { text: "552 5.3.4 Message size exceeds fixed maximum message size", about: "Larger than the mailbox may send." },
  "hve-external-recipient": {
    text: "550 5.7.1 Recipient [address] is outside of the organization; High Volume Email delivers to internal recipients only",
    about: "A recipient outside of the accepted domains.",
  },
  "hve-billing": {
    text: "550 5.7.1 High Volume Email needs a valid billing policy: [status]",
    about: "MAIL while the billing policy of the account is not valid.",
  },
  "hve-not-the-account": {
    text: "550 5.7.62 The sender address must be the High Volume Email account [account]",
    about: "MAIL FROM is another address than the account; only the code is known, from the field.",
  },
  "hve-from-not-the-account": {
    text: "554 5.6.241 The From address must be the High Volume Email account [account]",
    about: "From is another address than the account; only the code is known, from the field.",
  },
  "hve-no-hve-account": {
    text: "554 5.2.240 [account] is not a High Volume Email account",
    about: "A mailbox has logged in; only the code is known, from the field.",
  },
  "hve-basic-ended": {
    text: "550 5.7.30 Basic authentication is not supported for High Volume Email.",
    about: "Password after the end of Basic authentication in September 2028.",
  },
  "hve-too-many-recipients": { text: "550 5.5.3 Too many recipients", about: "More than 50 recipients." },
  "hve-too-large": { text: "552 5.3.4 Message size exceeds fixed maximum message size", about: "More than 10 MB." },
  "hve-quota": {
    text: "550 5.1.90 Your message can't be sent because you've reached your daily limit for message recipients",
    about:
      "The tenant's recipients in 24 hours are used up, or those outside; there has been no such limit since May 2025, and nobody outside since June 2025.",
  },
  "hve-token-not-base64": {
    text: "501 5.5.121 Invalid XOAUTH2 argument, not base64",
    about: "Which of 5.5.121 to 5.5.126 it is was not published.",
  },
  "hve-token-no-user": { text: "501 5.5.122 Invalid XOAUTH2 argument, no user", about: "As above." },
  "hve-token-no-auth": { text: "501 5.5.123 Invalid XOAUTH2 argument, no auth field", about: "As above." },
  "hve-token-no-bearer": { text: "501 5.5.124 Invalid XOAUTH2 argument, no Bearer", about: "As above." },
  "hve-token-no-token": { text: "501 5.5.125 Invalid XOAUTH2 argument, no token", about: "As above." },
  "hve-token-malformed": { text: "501 5.5.126 Invalid XOAUTH2 argument", about: "As above." },
  "acs-throttled": {
    text: "451 4.7.1 Too many requests: the subscription has used up its quota",
    about: "30 in a minute or 100 in an hour are used up.",
  },
  "acs-too-many-connections": { text: "421 4.3.2 Too many authenticated connections of the subscription", about: "More than 250." },
  "acs-sender": {
    text: "550 5.7.60 [address] is not a sender of a linked and verified domain",
    about: "MAIL FROM or From is no configured sender.",
  },
  "acs-too-many-recipients": { text: "550 5.5.3 Too many recipients", about: "More than 50 recipients." },
  "acs-too-large": { text: "552 5.3.4 Message size exceeds fixed maximum message size", about: "More than 10 MB." },
  "acs-retired": {
    text: "550 5.7.1 Azure Communication Services Email has been retired",
    about: "Log-in after 30 September 2028.",
  },
  "sendgrid-connection-used-up": { text: "421 Too many messages on this connection", about: "After 5,000 messages." },
  "sendgrid-too-many-recipients": { text: "452 Too many recipients", about: "More than 1,000 recipients." },
  "sendgrid-too-large": { text: "552 Message size exceeds the limit of 30 MB", about: "More than 30 MB." },
  "sendgrid-smtpapi": { text: "550 The X-SMTPAPI header is not valid JSON", about: "X-SMTPAPI cannot be read." },
  "on-premises-too-many-recipients": { text: "452 4.5.3 Too many recipients", about: "More than MaxRecipientsPerMessage." },
  "on-premises-too-large": { text: "552 5.3.4 Message size exceeds fixed maximum message size", about: "More than MaxMessageSize." },
} as const satisfies Readonly<Record<string, { readonly text: string; readonly about: string }>>;

/** As sandbox.yaml has it, else ours. What stands in brackets is not filled in. */
export function unverifiedText(replies: Partial<Readonly<Record<UnverifiedReply, string>>>, name: UnverifiedReply): string {
  return replies[name] ?? unverifiedReplies[name].text;
}

export type UnverifiedReply = keyof typeof unverifiedReplies;
