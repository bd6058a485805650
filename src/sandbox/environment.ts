import { credentials } from "./credentials.ts";
import { findApplication, findHveAccount, findMailbox } from "./tenant/directory.ts";
import type { Tenant } from "./tenant/tenant.ts";
import type { Sandbox } from "./sandbox.ts";

/** What `postern env --of sandbox` prints: the names of the services that exist, and no others; with the credentials that they take. */
export function sandboxEnvironment(sandbox: Sandbox): Readonly<Record<string, string>> {
  const values: Record<string, string> = {
    SANDBOX_UI: `http://${authority(sandbox.address, sandbox.uiPort)}`,
    SANDBOX_PID: String(process.pid),
  };
  for (const { environmentName, port, scheme } of sandbox.services)
    // Certificates and official libraries want the name.
    values[environmentName] =
      scheme === undefined ? authority(sandbox.address, port) : `${scheme}://${authority(named(sandbox.address), port)}`;
  const { tenant } = sandbox;
  for (const { service } of sandbox.services) Object.assign(values, credentialsOf(service, tenant.current, values["SANDBOX_API"]));
  return values;
}

/** Of the demo's accounts; where a tenant has none of that name, the first that would do. */
function credentialsOf(service: string, tenant: Tenant, api: string | undefined): Record<string, string> {
  switch (service) {
    case "api": {
      const application = findApplication(tenant, credentials.clientId) ?? tenant.applications.find(({ secrets }) => secrets.length > 0);
      return {
        ...(api === undefined ? {} : { SANDBOX_AUTHORITY: api }),
        SANDBOX_TENANT_ID: tenant.id,
        ...entry("SANDBOX_CLIENT_ID", application?.clientId),
        ...entry("SANDBOX_CLIENT_SECRET", application?.secrets[0]?.value),
      };
    }
    case "smtp-auth": {
      const mailbox = findMailbox(tenant, credentials.mailbox) ?? tenant.mailboxes.find(({ password }) => password !== null);
      return { ...entry("SANDBOX_MAILBOX", mailbox?.address), ...entry("SANDBOX_MAILBOX_PASSWORD", mailbox?.password ?? undefined) };
    }
    case "hve": {
      const account = findHveAccount(tenant, credentials.hveAccount) ?? tenant.hveAccounts[0];
      return { ...entry("SANDBOX_HVE_ACCOUNT", account?.address), ...entry("SANDBOX_HVE_PASSWORD", account?.password) };
    }
    case "acs-smtp": {
      const [resource] = tenant.acs;
      const domain = resource?.domains.find(({ linked, verified, senders }) => linked && verified && senders.length > 0);
      const clientId = resource?.roleAssignments[0];
      const application = clientId === undefined ? null : findApplication(tenant, clientId);
      return {
        ...entry("SANDBOX_ACS_KEY", resource?.accessKeys[0]),
        ...entry("SANDBOX_ACS_SENDER", domain === undefined ? undefined : `${domain.senders[0] ?? ""}@${domain.name}`),
        ...entry(
          "SANDBOX_ACS_SMTP_USER",
          resource === undefined || application === null ? undefined : `${resource.name}.${application.clientId}.${tenant.id}`,
        ),
        ...entry("SANDBOX_ACS_SMTP_PASSWORD", application?.secrets[0]?.value),
      };
    }
    case "sendgrid-smtp":
      return entry("SANDBOX_SENDGRID_KEY", tenant.sendgrid[0]?.apiKeys[0]);
    default:
      return {};
  }
}

function entry(name: string, value: string | undefined): Record<string, string> {
  return value === undefined ? {} : { [name]: value };
}

function named(address: string): string {
  return address === "127.0.0.1" || address === "::1" ? "localhost" : address;
}

function authority(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
