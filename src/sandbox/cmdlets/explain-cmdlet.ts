import {
  addHveAccount,
  changeHveAccount,
  checkAllowedApps,
  maxAllowedApps,
  needHveAccount,
  removeHveAccount,
} from "../tenant/hve-administration.ts";
import { TenantFault } from "../tenant/read-tenant.ts";
import type { Tenant } from "../tenant/tenant.ts";
import { parseCmdlet, type Cmdlet } from "./parse-cmdlet.ts";

/**
 * Cmdlets for High Volume Email, as today's reference and older documents write them: what each does in sentences, which names are old, and
 * the tenant as it would be afterwards. What the real cmdlet would refuse for a reason that is published is refused here for the same.
 */
export interface Explanation {
  readonly cmdlet: string;
  /** Sentences: what it does, what is old about it. */
  readonly says: readonly string[];
  /** Why it would be refused; null: it would be done. */
  readonly refused: string | null;
  /** The tenant afterwards; null: it changes nothing. */
  readonly tenant: Tenant | null;
}

export interface Situation {
  readonly tenant: Tenant;
  /** ms, by the sandbox's clock. */
  readonly now: number;
}

/** @throws TenantFault when the text cannot be read. */
export function explainCmdlet(text: string, situation: Situation): Explanation {
  const cmdlet = parseCmdlet(text);
  if (typeof cmdlet === "string") throw new TenantFault(cmdlet);
  const found = Object.entries(known).find(([name]) => name.toLowerCase() === cmdlet.name.toLowerCase());
  if (found === undefined)
    throw new TenantFault(`${cmdlet.name} is not one of those that are read here: ${Object.keys(known).join(", ")}.`);
  const says: string[] = [];
  try {
    const tenant = found[1](cmdlet, situation, (sentence) => says.push(sentence));
    return { cmdlet: found[0], says, refused: null, tenant };
  } catch (error) {
    if (!(error instanceof TenantFault)) throw error;
    return { cmdlet: found[0], says, refused: error.message, tenant: null };
  }
}

type Explain = (cmdlet: Cmdlet, situation: Situation, say: (sentence: string) => void) => Tenant | null;

const known: Readonly<Record<string, Explain>> = {
  "New-MailUser": newMailUser,
  "Remove-MailUser": (cmdlet, { tenant }, say) => {
    const { address } = needHveAccount(tenant, identity(cmdlet));
    say(`Removes the HVE account ${address}.`);
    return removeHveAccount(tenant, address);
  },
  "Set-HVEAccountSettings": (cmdlet, { tenant }, say) => {
    const { address } = needHveAccount(tenant, identity(cmdlet));
    const replyTo = value(cmdlet, "replyto");
    if (replyTo === undefined) throw new TenantFault('Say -ReplyTo ADDRESS, or -ReplyTo "" to clear it.');
    say(replyTo === "" ? `Clears the forced Reply-To of ${address}.` : `Forces Reply-To: ${replyTo} on everything that ${address} sends.`);
    return changeHveAccount(tenant, address, { replyTo: replyTo === "" ? null : replyTo });
  },
  "Add-HVEAppAccess": (cmdlet, { tenant }, say) => {
    const account = needHveAccount(tenant, identity(cmdlet));
    const ids = cmdlet.parameters.get("appids") ?? [];
    if (ids.length === 0) throw new TenantFault("Say -AppIds with the object id of the enterprise application.");
    say(`Lets the application ${ids.join(", ")} send as ${account.address} with a token.`);
    say("-AppIds wants object ids of enterprise applications, despite its name; the application (client) id is refused.");
    say(`At most ${maxAllowedApps} applications; the real service takes up to five minutes, the sandbox does it at once.`);
    const allowedApps = [...new Set([...account.allowedApps, ...ids].map((id) => id.toLowerCase()))];
    checkAllowedApps(tenant, allowedApps);
    return changeHveAccount(tenant, account.address, { allowedApps });
  },
  "Set-HVEAccountBillingPolicy": (cmdlet, { tenant }, say) => {
    const { address } = needHveAccount(tenant, identity(cmdlet));
    const policy = value(cmdlet, "billingpolicyid");
    if (policy === undefined) throw new TenantFault('Say -BillingPolicyId "<guid>", or "" to remove the mapping.');
    if (policy === "") {
      say(`Takes the billing policy from ${address}: since 2026-06-01 nothing is sent without one.`);
      return changeHveAccount(tenant, address, { billingPolicyStatus: "NoProperBillingPolicyStored" });
    }
    if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(policy))
      throw new TenantFault(`${policy} is no GUID: Get-BillingPolicy -ResourceType HVE shows it.`);
    say(`Bills what ${address} sends to the pay-as-you-go policy ${policy}. The sandbox takes any GUID for a valid one.`);
    return changeHveAccount(tenant, address, { billingPolicyStatus: "BillingPolicyValid" });
  },
  "Get-HVEAccountBillingPolicy": (cmdlet, { tenant }, say) => {
    const { address, billingPolicyStatus } = needHveAccount(tenant, identity(cmdlet));
    say(`BillingPolicyStatus of ${address}: ${billingPolicyStatus}.`);
    return null;
  },
};

/** -LOBAppAccount (2024), -HVEAccount (today); -HighVolumeMail is in a script of 2026-08 only. */
const accountSwitches = { hveaccount: "-HVEAccount", lobappaccount: "-LOBAppAccount", highvolumemail: "-HighVolumeMail" } as const;

function newMailUser(cmdlet: Cmdlet, { tenant, now }: Situation, say: (sentence: string) => void): Tenant {
  const given = Object.entries(accountSwitches).find(([name]) => cmdlet.parameters.has(name));
  if (given === undefined)
    throw new TenantFault("Without -HVEAccount it makes a mail contact with an account, not an HVE account; only that is read here.");
  if (given[0] === "lobappaccount") say("-LOBAppAccount is the switch's old name, of the 2024 preview. Today it is -HVEAccount.");
  if (given[0] === "highvolumemail") say("-HighVolumeMail is unverified: seen in one script only. The reference has -HVEAccount.");
  const name = value(cmdlet, "name") ?? "";
  const address = value(cmdlet, "primarysmtpaddress") ?? value(cmdlet, "microsoftonlineservicesid") ?? "";
  if (address === "") throw new TenantFault("Say -PrimarySmtpAddress ADDRESS.");
  const alias = value(cmdlet, "alias");
  const password = passwordOf(cmdlet, say);
  say(
    `Makes the HVE account ${address}${name === "" ? "" : `, shown as "${name}"`}: it logs in with that address, needs no licence, and sends within the tenant only.`,
  );
  say("Before it may send it needs a billing policy: Set-HVEAccountBillingPolicy.");
  return addHveAccount(
    tenant,
    { address, password, displayName: value(cmdlet, "displayname") ?? name, ...(alias === undefined ? {} : { alias }) },
    now,
  );
}

/** Documents ask for it at the prompt; a text in the line is taken from ConvertTo-SecureString. */
function passwordOf(cmdlet: Cmdlet, say: (sentence: string) => void): string {
  const written = value(cmdlet, "password");
  if (written === undefined) throw new TenantFault("Say -Password.");
  const plain = /ConvertTo-SecureString\s+(?:-String\s+)?["'“”]?([^"'“”\s)]+)/i.exec(written)?.[1];
  if (plain !== undefined) return plain;
  if (/^[($@]/.test(written)) {
    say(`The password would be asked for; the sandbox gives "${promptedPassword}".`);
    return promptedPassword;
  }
  return written;
}

const promptedPassword = "Sandbox-Hve-1";

function identity(cmdlet: Cmdlet): string {
  const found = value(cmdlet, "identity") ?? cmdlet.rest[0];
  if (found === undefined || found === "") throw new TenantFault("Say -Identity with the account's address.");
  return found;
}

function value({ parameters }: Cmdlet, name: string): string | undefined {
  return parameters.get(name)?.[0];
}
