import type { Claims, Patient } from "./examination.ts";

/** "Office 365 Exchange Online": facts §3 and §12. */
export const exchangeResource = "00000002-0000-0ff1-ce00-000000000000";

/** What commands name; a word in capitals where it is not known. */
export interface Names {
  readonly client: string;
  /** Object id of the enterprise application, which is what Exchange wants, and not the client id. */
  readonly object: string;
  readonly user: string;
}

export function namesOf(patient: Patient, claims: Claims | null, clientId: string | null): Names {
  const ofApplication = claims !== null && claims.scopes.length === 0 ? claims.objectId : null;
  const client = claims?.clientId ?? clientId ?? "CLIENT-ID";
  return { client: quoted(client), object: quoted(ofApplication ?? "OBJECT-ID"), user: quoted(patient.user ?? "MAILBOX") };
}

/** Only where the object id is not known from a token. */
export function findObjectId({ client, object }: Names): readonly string[] {
  return object === "OBJECT-ID" ? [`az ad sp show --id ${client} --query id --output tsv   # OBJECT-ID`] : [];
}

export function addPermission({ client }: Names, permission: string): readonly string[] {
  return [
    `ROLE=$(az ad sp show --id ${exchangeResource} --query "appRoles[?value=='${permission}'].id" --output tsv)`,
    `az ad app permission add --id ${client} --api ${exchangeResource} --api-permissions "$ROLE=Role"`,
    `az ad app permission admin-consent --id ${client}   # as an administrator`,
  ];
}

export function addDelegatedPermission({ client }: Names, permission: string): readonly string[] {
  return [
    `SCOPE=$(az ad sp show --id ${exchangeResource} --query "oauth2PermissionScopes[?value=='${permission}'].id" --output tsv)`,
    `az ad app permission add --id ${client} --api ${exchangeResource} --api-permissions "$SCOPE=Scope"`,
    `az ad app permission admin-consent --id ${client}   # as an administrator`,
  ];
}

/** Text of a token or a configuration that becomes part of a command somebody pastes: nothing that a shell would obey. */
function quoted(text: string): string {
  return /^[\w.@+:/-]{1,254}$/.test(text) ? text : `'${text.slice(0, 254).replace(/[^\w.@+:/| -]/g, "?")}'`;
}
