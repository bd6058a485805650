import type { Usage } from "../usage/usage.ts";
import type { UsageWindow } from "../usage/usage-window.ts";
import type { TenantStore } from "../tenant/tenant-store.ts";
import type { OutboundPolicy } from "../tenant/tenant.ts";

/**
 * The outbound spam policy of the tenant: what its administrator lets one mailbox send, and what becomes of a mailbox that sends more.
 *
 * PS Set-HostedOutboundSpamFilterPolicy (2026-08). Unverified: that the day is UTC's, and that the first message too many is refused as well.
 */
export class OutboundPolicies {
  readonly #tenant: TenantStore;
  readonly #external: UsageWindow;
  readonly #internal: UsageWindow;
  readonly #day: UsageWindow;
  /** Mailboxes that may not send, and until when (policy clock, ms). */
  readonly #blocked = new Map<string, number>();

  constructor(usage: Usage, tenant: TenantStore) {
    this.#tenant = tenant;
    const window = (what: string, ms: number, limit: (policy: OutboundPolicy) => number): UsageWindow =>
      usage.window({ service: "smtp-auth", what, ms, limit: () => limit(this.#policy) || null });
    this.#external = window("policy-external-per-hour", hourMs, (policy) => policy.recipientLimitExternalPerHour);
    this.#internal = window("policy-internal-per-hour", hourMs, (policy) => policy.recipientLimitInternalPerHour);
    this.#day = window("policy-per-day", 24 * hourMs, (policy) => policy.recipientLimitPerDay);
    usage.onClear(() => this.#blocked.clear());
  }

  isBlocked(mailbox: string, now: number): boolean {
    return now < (this.#blocked.get(mailbox) ?? -Infinity);
  }

  /** Counts the recipients; the window that would be too full when they may not be sent, and the mailbox is blocked from now on. */
  take(mailbox: string, { external, internal }: { readonly external: number; readonly internal: number }, at: number): UsageWindow | null {
    const uses = [
      [this.#external, external],
      [this.#internal, internal],
      [this.#day, external + internal],
    ] as const;
    const full = uses.find(([window, units]) => units > 0 && !window.fits(mailbox, units, at))?.[0] ?? null;
    const { actionWhenThresholdReached: action } = this.#policy;
    if (full !== null && action !== "Alert") {
      const tomorrow = (Math.floor(at / (24 * hourMs)) + 1) * 24 * hourMs;
      this.#blocked.set(mailbox, action === "BlockUser" ? Infinity : tomorrow);
      return full;
    }
    for (const [window, units] of uses) if (units > 0) window.add(mailbox, units, at);
    return null;
  }

  get #policy(): OutboundPolicy {
    return this.#tenant.current.policies.outbound;
  }
}

const hourMs = 3_600_000;
