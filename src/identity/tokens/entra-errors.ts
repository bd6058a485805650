/**
 * What Entra's error codes mean and what to do, one sentence each. Codes and their short meanings: facts §12 and Microsoft's list
 * (https://learn.microsoft.com/entra/identity-platform/reference-error-codes). `temporary`: waiting may help. Whatever else an authority
 * says is not passed on: its descriptions quote what was sent.
 */
export interface EntraError {
  readonly text: string;
  readonly remedy: string;
  readonly temporary?: true;
  /** The secret or certificate is at fault, so that another one may work. */
  readonly credential?: true;
}

export const entraErrors: Readonly<Record<string, EntraError>> = {
  AADSTS7000215: {
    text: "the client secret is wrong",
    remedy: "Use the secret's value, not its id; or add a new one: postern setup ROUTE --rotate.",
    credential: true,
  },
  AADSTS7000222: { text: "the client secret has expired", remedy: "Add a new one: postern setup ROUTE --rotate.", credential: true },
  AADSTS700027: {
    text: "the certificate is not registered with the application, or the assertion's signature does not fit it",
    remedy: "Upload the certificate to the application: postern setup ROUTE --rotate.",
    credential: true,
  },
  AADSTS700024: { text: "the assertion is not within its time", remedy: "Set this machine's clock (NTP).", credential: true },
  AADSTS7000229: {
    text: "the application has no service principal in this tenant",
    remedy: "Create it: az ad sp create --id CLIENT-ID.",
  },
  AADSTS700016: { text: "the tenant does not know this application", remedy: "Check clientId and tenant of the identity." },
  AADSTS90002: { text: "there is no such tenant", remedy: "Check tenant of the identity." },
  AADSTS900023: { text: "the tenant's name has the wrong form", remedy: "Check tenant of the identity." },
  AADSTS70011: { text: "the scope is not valid", remedy: "Check the scope that the route asks for." },
  AADSTS500011: {
    text: "the tenant does not know the resource of this scope",
    remedy: "Add the permission to the application and give admin consent.",
  },
  AADSTS65001: { text: "consent is missing", remedy: "Give admin consent: az ad app permission admin-consent --id CLIENT-ID." },
  AADSTS53003: { text: "a Conditional Access policy forbids it", remedy: "Exclude the application or the account from that policy." },
  AADSTS50126: { text: "user name or password is wrong", remedy: "Correct the password that the identity refers to." },
  AADSTS50034: { text: "the tenant does not know this user", remedy: "Check user of the identity." },
  AADSTS50053: { text: "the account is locked", remedy: "Wait, and correct the password before it is locked again.", temporary: true },
  AADSTS50055: { text: "the password has expired", remedy: "Give the account a new password." },
  AADSTS50057: { text: "the account is disabled", remedy: "Enable the account." },
  AADSTS50076: {
    text: "multi-factor authentication is demanded",
    remedy: "A password cannot answer it: use device-code, or client-secret with an application permission.",
  },
  AADSTS50079: { text: "the user must register for multi-factor authentication", remedy: "Use device-code, or an application permission." },
  AADSTS50173: { text: "the sign-in was revoked", remedy: "Sign in again: postern setup ROUTE --login." },
  AADSTS700082: { text: "the refresh token was not used for too long", remedy: "Sign in again: postern setup ROUTE --login." },
  AADSTS70008: { text: "the refresh token or code has expired", remedy: "Sign in again: postern setup ROUTE --login." },
  AADSTS70000: { text: "the refresh token or code is not valid", remedy: "Sign in again: postern setup ROUTE --login." },
  AADSTS7000218: {
    text: "the application is not a public client, and no secret was sent",
    remedy: "Allow public client flows: az ad app update --id CLIENT-ID --is-fallback-public-client true.",
  },
  AADSTS90033: { text: "the authority is overloaded", remedy: "Nothing; Postern tries again.", temporary: true },
  AADSTS50196: { text: "the authority saw too many equal requests", remedy: "Nothing; Postern waits.", temporary: true },
};

/** What an authority answers in a standard word (RFC 6749 §5.2) and no code that we know. */
export const oauthErrors: Readonly<Record<string, string>> = {
  invalid_client: "the application's credentials were refused",
  invalid_grant: "what was presented is not valid or has been revoked",
  invalid_request: "the request was refused as malformed",
  invalid_scope: "the scope is not valid",
  unauthorized_client: "the application may not ask in this way",
  unsupported_grant_type: "the authority does not know this way to ask",
  temporarily_unavailable: "the authority is overloaded",
  interaction_required: "a user must sign in again",
  authorization_declined: "the user declined",
  access_denied: "access was denied",
  expired_token: "the code was not entered in time",
};
