import type { SecureContext } from "node:tls";
import type { AddressMap } from "./addresses/address-map.ts";
import type { SandboxClock } from "./clock/sandbox-clock.ts";
import type { WorldDns } from "./dns/world-dns.ts";
import type { Edge } from "./exo/edge.ts";
import type { Entra } from "./entra/token-check.ts";
import type { Faults } from "./faults/faults.ts";
import type { MessageStore } from "./messages/message-store.ts";
import type { SandboxOptions } from "./options.ts";
import type { Post } from "./post/post.ts";
import type { Published } from "./published.ts";
import type { RecipientLimits } from "./usage/recipient-limits.ts";
import type { TenantLimits } from "./usage/tenant-limits.ts";
import type { Usage } from "./usage/usage.ts";
import type { TenantStore } from "./tenant/tenant-store.ts";

/** What all rooms of the sandbox share. */
export interface House {
  readonly options: SandboxOptions;
  readonly clock: SandboxClock;
  readonly messages: MessageStore;
  readonly faults: Faults;
  readonly dns: WorldDns;
  /** What Microsoft's edge has against clients. */
  readonly edge: Edge;
  readonly published: Published;
  readonly recipientLimits: RecipientLimits;
  readonly tenantLimits: TenantLimits;
  readonly post: Post;
  /** Changes while the sandbox runs: ask `tenant.current` each time. */
  readonly tenant: TenantStore;
  readonly addresses: AddressMap;
  readonly usage: Usage;
  readonly entra: Entra;
  readonly tls: SecureContext;
}
