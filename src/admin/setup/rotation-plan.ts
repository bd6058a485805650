import type { TokenIdentityOptions } from "../../identity/tokens/options.ts";
import type { TokenSourceStatus } from "../../identity/tokens/token-source.ts";

/**
 * How the secret or certificate of an identity is renewed without a gap: the new one is added beside the old at Entra, then beside the old
 * in Postern, seen to work, and only then is the old one taken away. Nothing is run; the steps are for a person, each with its check.
 */
export interface PlanStep {
  readonly title: string;
  /** To be typed; `#` begins a remark. */
  readonly commands: readonly string[];
  readonly check?: string;
}

export function rotationPlan(route: string, identity: TokenIdentityOptions, status: TokenSourceStatus): readonly PlanStep[] {
  switch (identity.kind) {
    case "client-secret":
      return secretPlan(route, identity, status);
    case "client-certificate":
      return certificatePlan(route, identity, status);
    case "managed-identity":
      return [{ title: "Nothing to renew: Azure keeps the credentials of a managed identity and renews them itself.", commands: [] }];
    case "device-code":
    case "authorization-code":
      return [
        {
          title: "Sign in again: the new refresh token replaces the former.",
          commands: [`postern setup ${route} --login`],
          check: `postern doctor ${route}`,
        },
      ];
    case "password":
      return [
        {
          title: `Give ${identity.user} another password, and at once put it where the identity refers to (${identity.password.label}); there is no time at which both are good.`,
          commands: [],
          check: `postern doctor ${route}`,
        },
      ];
  }
}

type Secret = Extract<TokenIdentityOptions, { readonly kind: "client-secret" }>;
type Certificate = Extract<TokenIdentityOptions, { readonly kind: "client-certificate" }>;

function secretPlan(route: string, { name, clientId, secrets }: Secret, status: TokenSourceStatus): readonly PlanStep[] {
  const works = status.worksWith ?? secrets.at(-1)?.label ?? "";
  return [
    {
      title: "See what is there. Note the keyId of the secret in use: it is taken away at the end.",
      commands: [`az ad app credential list --id ${clientId} --query "[].{keyId:keyId,name:displayName,end:endDateTime}" --output table`],
    },
    {
      title: "Add a second secret beside it (--append keeps the old one), straight into a file that only Postern's user can read.",
      commands: [
        "umask 077",
        `az ad app credential reset --id ${clientId} --append --display-name "postern $(date +%F)" --years 1 --query password --output tsv > NEW-SECRET-FILE`,
        "# or PowerShell: (Add-MgApplicationPassword -ApplicationId APPLICATION-OBJECT-ID -PasswordCredential @{ displayName = 'postern' }).SecretText",
      ],
      check: `az ad app credential list --id ${clientId} --query "length(@)"   # one more than before`,
    },
    {
      title: `Name it last in the configuration, beside the old one (${works}), with the day on which it ends:`,
      commands: [
        "identities:",
        `  - name: ${name}`,
        "    secrets:",
        ...secrets.map((secret) => `      - ${reference(secret)}`),
        "      - { file: NEW-SECRET-FILE, expires: YYYY-MM-DD }",
      ],
      check: "postern check-config postern.yaml",
    },
    ...endPlan(route, name, `az ad app credential delete --id ${clientId} --key-id OLD-KEY-ID`, "secret", "NEW-SECRET-FILE"),
  ];
}

function certificatePlan(route: string, { name, clientId, certificates }: Certificate, status: TokenSourceStatus): readonly PlanStep[] {
  const works = status.worksWith ?? certificates.at(-1)?.cert.label ?? "";
  return [
    {
      title: "See what is there. Note the keyId of the certificate in use: it is taken away at the end.",
      commands: [
        `az ad app credential list --id ${clientId} --cert --query "[].{keyId:keyId,name:displayName,end:endDateTime}" --output table`,
      ],
    },
    {
      title: "Make a key that never leaves this machine, and a certificate for it.",
      commands: [
        "umask 077",
        `openssl req -x509 -newkey rsa:2048 -nodes -sha256 -days 365 -subj "/CN=postern ${name}" -keyout NEW.key -out NEW.pem`,
      ],
      check: "openssl x509 -in NEW.pem -noout -subject -enddate",
    },
    {
      title: "Upload the certificate beside the old one (--append keeps that).",
      commands: [
        `az ad app credential reset --id ${clientId} --append --cert @NEW.pem`,
        "# or PowerShell: Update-MgApplication -ApplicationId APPLICATION-OBJECT-ID -KeyCredentials (all of them: those that are not named are removed)",
      ],
      check: `az ad app credential list --id ${clientId} --cert --query "length(@)"   # one more than before`,
    },
    {
      title: `Name it last in the configuration, beside the old one (${works}):`,
      commands: [
        "identities:",
        `  - name: ${name}`,
        "    certificates:",
        ...certificates.map(({ cert, key }) => `      - { cert: ${reference(cert)}, key: ${reference(key)} }`),
        "      - { cert: { file: NEW.pem }, key: { file: NEW.key } }",
      ],
      check: "postern check-config postern.yaml",
    },
    ...endPlan(route, name, `az ad app credential delete --id ${clientId} --cert --key-id OLD-KEY-ID`, "certificate", "NEW.pem"),
  ];
}

function endPlan(route: string, name: string, remove: string, what: string, fresh: string): readonly PlanStep[] {
  return [
    {
      title: `Start Postern again, for a list of ${what}s is read at start. (Exchanging the contents of a file that is listed already needs no restart: the next token is asked for with it.)`,
      commands: [`# restart the service, then see that the new ${what} is the one that works:`],
      check: `postern doctor ${route}   # token: got by identity ${name} (…, file ${fresh})`,
    },
    {
      title: `Leave both for a day or until every gateway uses the new one. Then take the old ${what} away at Entra, and its line from the configuration.`,
      commands: [remove],
      check: `postern doctor ${route} && postern status   # the new end is shown`,
    },
  ];
}

function reference(reader: { readonly toJSON: () => unknown }): string {
  const entries = Object.entries(reader.toJSON() as Readonly<Record<string, string>>);
  return `{ ${entries.map(([key, value]) => `${key}: ${/^[\w./-]+$/.test(value) ? value : JSON.stringify(value)}`).join(", ")} }`;
}
