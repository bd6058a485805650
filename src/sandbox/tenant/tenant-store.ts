import { createHash } from "node:crypto";
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { domainOf } from "../../mail/address.ts";
import { isAcceptedDomain } from "./directory.ts";
import { checkTenant, completeTenant, readTenant } from "./read-tenant.ts";
import type { Tenant } from "./tenant.ts";

/**
 * The tenant as it stands now: what its file says, then what was switched or made since.
 *
 * Changes are kept in the sandbox's data directory, so they outlive a restart and POST /api/reset. They belong to the file they were made
 * on: when the file (or what sandbox.yaml says of the tenant) is edited, the file is believed and they are put aside.
 */
export interface TenantSource {
  /** A tenant file, absolute; null: the demo's. */
  readonly file: string | null;
  /** In place of what the file says. */
  readonly name?: string | undefined;
  readonly domains?: readonly string[] | undefined;
  /** The only recipients there are. */
  readonly mailboxes?: readonly string[] | null | undefined;
}

/** The demo's tenant; beside `src` or `dist`, so the same way leads to it from both. */
export const defaultTenantFile = fileURLToPath(new URL("../../../sandbox/contoso.yaml", import.meta.url));

export class TenantStore {
  #current: Tenant;
  readonly #path: string;
  readonly #source: string;

  /** @param path where changes are kept. @throws TenantFault, or what reading the files throws. */
  constructor(source: TenantSource, path: string) {
    const file = source.file ?? defaultTenantFile;
    const yaml = readFileSync(file, "utf8");
    this.#path = path;
    this.#source = createHash("sha256")
      .update(JSON.stringify([yaml, source.name, source.domains, source.mailboxes]))
      .digest("hex");
    this.#current = readChanged(path, this.#source) ?? fromSource(readTenant(yaml, file), source);
  }

  get current(): Tenant {
    return this.#current;
  }

  /** Exchanges the tenant as a whole and keeps it. @throws TenantFault when the outcome would contradict itself; then nothing has changed. */
  change(change: (tenant: Tenant) => Tenant): Tenant {
    const tenant = checkTenant(change(this.#current));
    if (tenant !== this.#current) {
      // A few kilobytes now and then, in place of the old file: a crash leaves one or the other.
      writeFileSync(`${this.#path}.tmp`, JSON.stringify({ source: this.#source, tenant }), { mode: 0o600 });
      renameSync(`${this.#path}.tmp`, this.#path);
      this.#current = tenant;
    }
    return tenant;
  }
}

/** null: nothing was changed, or the file was edited since. */
function readChanged(path: string, source: string): Tenant | null {
  try {
    const kept = JSON.parse(readFileSync(path, "utf8")) as { readonly source?: unknown; readonly tenant?: unknown } | null;
    if (kept?.source === source) return completeTenant(kept.tenant);
    rmSync(path, { force: true });
    return null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw new Error(`${path} does not hold a tenant: remove it to begin with what the tenant file says`, { cause: error });
  }
}

function fromSource(file: Tenant, { name, domains, mailboxes }: TenantSource): Tenant {
  const renamed = {
    ...file,
    ...(name === undefined ? {} : { name }),
    ...(domains === undefined ? {} : { domains: completeTenant({ id: file.id, name: file.name, domains }).domains }),
  };
  // Accounts of the file whose domain the short form has taken away go with it.
  const stays = ({ address }: { readonly address: string }): boolean => isAcceptedDomain(renamed, domainOf(address));
  const kept = { ...renamed, mailboxes: renamed.mailboxes.filter(stays), hveAccounts: renamed.hveAccounts.filter(stays) };
  if (mailboxes === undefined || mailboxes === null) return checkTenant(kept);
  const listed = completeTenant({ id: file.id, name: file.name, domains: [...kept.domains], mailboxes }).mailboxes;
  return checkTenant({
    ...kept,
    catchAll: false,
    mailboxes: listed.map((mailbox) => kept.mailboxes.find(({ address }) => address === mailbox.address) ?? mailbox),
    hveAccounts: kept.hveAccounts.filter(({ address }) => !listed.some((mailbox) => mailbox.address === address)),
  });
}
