import type { KnownReply } from "../service.ts";
import { sources } from "../sources.ts";
import { known } from "./known.ts";

const stages = ["auth", "mail"] as const;

/** Why Exchange Online refuses a log-in, at smtp.office365.com and for High Volume Email alike. */
export const exchangeLogInReplies: readonly KnownReply[] = [
  known(
    "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled for more information. [host date id]",
    "route.auth-disabled-for-tenant",
    sources.smtpSubmission,
    {
      stages,
      text: /disabled for the Tenant/i,
      advice:
        "Set-TransportConfig -SmtpClientAuthenticationDisabled $false, or allow the one mailbox: Set-CASMailbox MAILBOX -SmtpClientAuthenticationDisabled $false.",
    },
  ),
  known(
    "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox. Visit https://aka.ms/smtp_auth_disabled for more information. [host date id]",
    "route.auth-disabled-for-mailbox",
    sources.smtpSubmission,
    { stages, text: /disabled for the Mailbox/i, advice: "Set-CASMailbox MAILBOX -SmtpClientAuthenticationDisabled $false." },
  ),
  known(
    "535 5.7.139 Authentication unsuccessful, user is locked by your organization's security defaults policy",
    "route.auth-security-defaults",
    sources.smtpSubmission,
    {
      stages,
      text: /security defaults/i,
      advice: "Use OAuth; or replace security defaults by Conditional Access policies with an exclusion for this account.",
    },
  ),
  known(
    "535 5.7.139 Authentication unsuccessful, the organization configuration does not allow this authentication",
    "route.auth-policy",
    sources.smtpSubmission,
    {
      stages,
      text: /organization configuration does not allow/i,
      advice:
        'Use OAuth; or New-AuthenticationPolicy "Allow SMTP basic" -AllowBasicAuthSmtp and Set-User MAILBOX -AuthenticationPolicy "Allow SMTP basic".',
    },
  ),
  known(
    "535 5.7.139 Authentication unsuccessful, federated STS service was unreachable.",
    "route.auth-federation",
    sources.smtpSubmission,
    {
      stages,
      text: /federated STS/i,
      advice: "The tenant's federation server must be reachable over HTTPS; or use OAuth, or a cloud-only account.",
    },
  ),
  known(
    "535 5.7.139 Authentication unsuccessful, the user credentials were incorrect. [host]",
    "route.auth-failed",
    sources.smtpSubmission,
    {
      stages,
      advice:
        "Check user and password; with OAuth the user is the mailbox and the service principal must be registered by the object id of the enterprise application.",
    },
  ),
  known("550 5.7.30 Basic authentication is not supported for Client Submission.", "route.auth-basic-removed", sources.basicRemoval2026, {
    advice: "Passwords have ended: give the route an identity (OAuth), or send by High Volume Email.",
  }),
  known("535 5.7.3 Authentication unsuccessful [host]", "route.auth-failed", sources.smtpSubmission, { stages }),
  known("504 5.7.4 Unrecognized authentication type", "route.auth-unavailable", sources.smtpSubmission, { stages }),
  known("530 5.7.57 Client not authenticated to send mail", "route.auth-failed", sources.smtpSubmission, { codes: [5] }),
];
