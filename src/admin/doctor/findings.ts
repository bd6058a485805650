import { failureCodes, type FailureCode } from "../../mail/failure-codes.ts";
import { addDelegatedPermission, addPermission, exchangeResource, findObjectId, namesOf, type Names } from "./commands.ts";
import type { Claims, Examination, Finding } from "./examination.ts";

/**
 * What is missing, by what was found: one row a defect, in the order of importance; the first problem becomes the summary. A row says what it
 * concludes from, one sentence, and what to type. Facts: §2.3, 2.4, 3.1, 3.2, 4.4, 12, 18.
 */
interface Row {
  readonly code: string;
  readonly severity: Finding["severity"];
  /** Failure codes of the probe, or a look at the whole examination; null: does not apply. */
  readonly when: readonly FailureCode[] | ((examination: Examination, claims: Claims | null) => boolean);
  readonly only?: (examination: Examination) => boolean;
  readonly text: (examination: Examination, claims: Claims | null) => string;
  readonly commands?: (names: Names, examination: Examination) => readonly string[];
}

const byIdentity = ({ patient }: Examination) => patient.identity !== null;
const isKind =
  (...kinds: readonly string[]) =>
  ({ patient }: Examination) =>
    kinds.includes(patient.kind);
const switchOn = ({ user }: Names) => [`Set-CASMailbox -Identity ${user} -SmtpClientAuthenticationDisabled $false`];
const day = (at: number) => new Date(at).toISOString().slice(0, 10);
const dayMs = 86_400_000;
const skewMs = 60_000;

const rows: readonly Row[] = [
  {
    code: "token-failed",
    severity: "problem",
    when: ({ token }) => token.state === "failed",
    text: ({ token }) => (token.state === "failed" ? token.text : ""),
  },
  {
    code: "audience-wrong",
    severity: "problem",
    when: ({ patient }, claims) => claims !== null && patient.scope !== null && !isMeantFor(claims.audience, patient.scope),
    text: ({ patient }, claims) => `The token is for ${claims?.audience ?? ""}, but the service wants one for ${patient.scope ?? ""}.`,
  },
  {
    code: "tenant-wrong",
    severity: "problem",
    when: ({ identity }, claims) =>
      claims?.tenant !== undefined &&
      claims.tenant !== null &&
      isGuid(identity?.tenant) &&
      identity?.tenant?.toLowerCase() !== claims.tenant.toLowerCase(),
    text: ({ identity }, claims) => `The token is of tenant ${claims?.tenant ?? ""}, the identity names ${identity?.tenant ?? ""}.`,
  },
  {
    code: "permission-missing",
    severity: "problem",
    when: (examination, claims) => {
      const wanted = permissionOf(examination);
      if (claims === null || wanted === null) return false;
      return claims.scopes.length > 0 ? !claims.scopes.includes(wanted.delegated) : !claims.roles.includes(wanted.application);
    },
    text: (examination, claims) => {
      const wanted = permissionOf(examination);
      const delegated = (claims?.scopes.length ?? 0) > 0;
      const has = delegated ? claims?.scopes : claims?.roles;
      return `The application lacks the ${delegated ? "delegated" : "application"} permission ${(delegated ? wanted?.delegated : wanted?.application) ?? ""} of Office 365 Exchange Online with an administrator's consent (the token has ${has === undefined || has.length === 0 ? "none" : has.join(", ")}).`;
    },
    commands: (names, examination) => {
      const wanted = permissionOf(examination);
      if (wanted === null) return [];
      const delegated = examination.token.state === "read" && examination.token.claims.scopes.length > 0;
      return delegated ? addDelegatedPermission(names, wanted.delegated) : addPermission(names, wanted.application);
    },
  },
  {
    code: "allowed-apps",
    severity: "problem",
    when: ["route.auth-app-not-allowed"],
    text: ({ patient }) =>
      `The High Volume Email account ${patient.user ?? ""} does not allow the application: add the object id of the enterprise application (not the client id) to its Allowed Apps, which takes up to 5 minutes.`,
    commands: (names) => [...findObjectId(names), `Add-HVEAppAccess -Identity ${names.user} -AppIds "${names.object}"`],
  },
  {
    code: "permission-refused",
    severity: "problem",
    when: ["route.auth-permission-missing"],
    only: (examination) => permissionOf(examination) !== null,
    text: (examination) =>
      `The service says that the application lacks a permission: it needs ${permissionOf(examination)?.application ?? ""} of Office 365 Exchange Online, not of Graph.`,
    commands: (names, examination) => addPermission(names, permissionOf(examination)?.application ?? ""),
  },
  {
    code: "smtp-auth-off",
    severity: "problem",
    when: ["route.auth-disabled-for-tenant", "route.auth-disabled-for-mailbox"],
    text: ({ patient, failure: code }) =>
      `SMTP AUTH is switched off for the ${code === "route.auth-disabled-for-tenant" ? "tenant" : "mailbox"}; that switch concerns OAuth too, and the mailbox ${patient.user ?? ""} can be excepted.`,
    commands: switchOn,
  },
  {
    code: "security-defaults",
    severity: "problem",
    when: ["route.auth-security-defaults"],
    text: () => "The tenant's security defaults refuse passwords: give the route an identity, for OAuth is not concerned.",
  },
  {
    code: "authentication-policy",
    severity: "problem",
    when: ["route.auth-policy"],
    text: () =>
      "The organisation's authentication policy refuses passwords: give the route an identity, or the account a policy that allows them.",
    commands: ({ user }) => [
      'New-AuthenticationPolicy "Allow SMTP basic" -AllowBasicAuthSmtp',
      `Set-User ${user} -AuthenticationPolicy "Allow SMTP basic"`,
    ],
  },
  {
    code: "basic-ended",
    severity: "problem",
    when: ["route.auth-basic-removed"],
    text: () => "The service takes no passwords any more: give the route an identity.",
  },
  {
    code: "service-principal",
    severity: "problem",
    when: ["route.auth-failed"],
    only: (examination) => byIdentity(examination) && isKind("smtp-auth", "smtp")(examination) && hasToken(examination),
    text: ({ patient }) =>
      `The token is good but not taken for ${patient.user ?? "the mailbox"}: the application must be registered in Exchange by the object id of its enterprise application, and have rights on the mailbox.`,
    commands: (names) => [
      ...findObjectId(names),
      `New-ServicePrincipal -AppId ${names.client} -ObjectId ${names.object} -DisplayName "Postern"`,
      `Add-MailboxPermission -Identity ${names.user} -User ${names.object} -AccessRights FullAccess`,
      ...switchOn(names),
    ],
  },
  {
    code: "azure-role",
    severity: "problem",
    when: ["route.auth-failed"],
    only: isKind("acs-smtp"),
    text: () =>
      "The log-in was refused: check user name (RESOURCE.CLIENT-ID.TENANT-ID, or an SMTP user name of the resource) and secret, and that the application has a role on the ACS resource.",
    commands: (names) => [
      ...findObjectId(names),
      `az role assignment create --assignee-object-id ${names.object} --assignee-principal-type ServicePrincipal --role "Communication and Email Service Owner" --scope RESOURCE-ID-OF-ACS`,
    ],
  },
  {
    code: "not-hve-account",
    severity: "problem",
    when: ["route.auth-not-hve-account"],
    text: ({ patient }) => `${patient.user ?? "The user"} is not a High Volume Email account.`,
    commands: ({ user }) => [`New-MailUser -HVEAccount -Name "Postern" -PrimarySmtpAddress ${user} -Password (Read-Host -AsSecureString)`],
  },
  {
    code: "credentials-wrong",
    severity: "problem",
    when: ["route.auth-failed"],
    only: (examination) => !byIdentity(examination),
    text: () =>
      "The service refuses user and password: check them; where multi-factor authentication or a policy forbids passwords, give the route an identity.",
  },
  {
    code: "port-blocked",
    severity: "problem",
    when: ["network.connect", "network.timeout"],
    only: ({ patient, probe }) => patient.port === 25 && probe.steps.at(-1)?.name === "connect",
    text: () =>
      "Nothing answers at port 25: clouds (Azure virtual machines, for instance) and many providers block it on the way out; use a service on port 587, or have it opened.",
  },
  {
    code: "port-blocked",
    severity: "problem",
    when: ["network.connect", "network.timeout"],
    only: ({ patient, probe }) => patient.port !== 25 && probe.steps.at(-1)?.name === "connect",
    text: ({ patient }) =>
      `Nothing answers at ${patient.host ?? "the next hop"} port ${patient.port ?? "?"}: check the name, and that a firewall lets it through.`,
  },
  {
    code: "clock",
    severity: "problem",
    when: ({ clockSkewMs }) => clockSkewMs !== null && Math.abs(clockSkewMs) > skewMs,
    text: ({ clockSkewMs }) =>
      `This machine's clock is ${Math.round(Math.abs(clockSkewMs ?? 0) / 1000)} s ${(clockSkewMs ?? 0) > 0 ? "behind" : "ahead of"} the authority's: set it by NTP, or tokens are taken for expired or not yet valid.`,
  },
  {
    code: "credential-ended",
    severity: "problem",
    when: ({ identity, now }) => identity !== null && identity.credentialExpiresAt !== null && identity.credentialExpiresAt <= now,
    text: ({ identity }) =>
      `The secret or certificate of identity ${identity?.name ?? ""} ended on ${day(identity?.credentialExpiresAt ?? 0)}.`,
    commands: (_, { patient }) => [`postern setup ${patient.name} --rotate`],
  },
  {
    code: "credential-ends",
    severity: "warning",
    when: ({ identity, now }) =>
      identity !== null &&
      identity.credentialExpiresAt !== null &&
      identity.credentialExpiresAt > now &&
      identity.credentialExpiresAt < now + 30 * dayMs,
    text: ({ identity }) =>
      `The secret or certificate of identity ${identity?.name ?? ""} ends on ${day(identity?.credentialExpiresAt ?? 0)}.`,
    commands: (_, { patient }) => [`postern setup ${patient.name} --rotate`],
  },
  {
    code: "connections-in-use",
    severity: "warning",
    // This examination is a connection more, beside those that the route is sending by.
    when: ["quota.connections"],
    text: ({ patient }) =>
      `${patient.user === null ? "The log-in works" : `${patient.user} may log in`}, but all its connections are in use just now, the gateway's own among them: there was none left for this try.`,
  },
];

/** What is wrong, the most important first. */
export function findingsOf(examination: Examination): readonly Finding[] {
  const { patient, identity, token, probe, failure: code } = examination;
  const claims = token.state === "read" ? token.claims : null;
  const names = namesOf(patient, claims, identity?.clientId ?? null);
  const found = rows
    .filter(
      ({ when, only }) =>
        (typeof when === "function" ? when(examination, claims) : code !== null && when.includes(code)) && only?.(examination) !== false,
    )
    .map(({ code: id, severity, text, commands }) => ({
      code: id,
      severity,
      text: text(examination, claims),
      commands: commands?.(names, examination) ?? [],
    }));
  const isBusy = code === "quota.connections";
  if (probe.ok || isBusy || found.some(({ severity }) => severity === "problem")) return found;
  // No row knows better than the failure itself.
  const last = probe.steps.at(-1);
  const remedy = code === null ? "" : ` ${failureCodes[code].remedy}`;
  return [
    { code: code ?? "probe-failed", severity: "problem", text: `${sentence(last?.text ?? probe.text)}${remedy}`, commands: [] },
    ...found,
  ];
}

/** What only a message would show. */
export function notTried({ patient, probe }: Examination): readonly string[] {
  if (!probe.ok || patient.service === null || patient.user === null) return [];
  const rule = patient.service.profile.senderRule.rules.at(-1)?.value;
  return rule === "send-as"
    ? [
        `Whether ${patient.user} may send as others shows with the first message only: Add-RecipientPermission SHARED-MAILBOX -Trustee ${patient.user} -AccessRights SendAs allows it.`,
      ]
    : [];
}

function hasToken({ token }: Examination): boolean {
  return token.state === "read" || token.state === "opaque";
}

function permissionOf({ patient }: Examination): { readonly application: string; readonly delegated: string } | null {
  const value: unknown = patient.service?.facts["permission"]?.rules.at(-1)?.value;
  return typeof value === "object" && value !== null ? (value as { readonly application: string; readonly delegated: string }) : null;
}

/** Entra puts the resource's address, with or without the last slash, or its id into `aud`. */
function isMeantFor(audience: string, scope: string): boolean {
  const wanted = scope.replace(/\/(\.default|[^/]*)$/, "").replace(/\/+$/, "");
  const exchange = ["https://outlook.office365.com", "https://outlook.office.com", exchangeResource];
  const given = audience.replace(/\/+$/, "");
  return given === wanted || (exchange.includes(wanted) && exchange.includes(given));
}

function isGuid(text: string | null | undefined): boolean {
  return text !== null && text !== undefined && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
