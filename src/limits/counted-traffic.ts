import type { SenderDomainKind } from "../services/counted.ts";
import type { ServiceKind } from "../services/service.ts";
import type { LimitsOptions, TenantOptions } from "./options.ts";

/** What is counted: this gateway's ways out, and whose tenant it is. */
export interface CountedTraffic {
  readonly routes: readonly RouteToCount[];
  readonly tenant: TenantOptions;
  readonly limits: LimitsOptions;
  /** Patterns of domains, lower case. */
  readonly acceptedDomains: readonly string[];
}

/** What of a route decides which limits it has. */
export interface RouteToCount {
  readonly name: string;
  /** null: none of the catalogue (sink, smtp). */
  readonly service: ServiceKind | null;
  /** Lower case; absent: not known, so that the route counts alone. */
  readonly mailbox?: string;
  readonly subscription?: string;
  /** Absent: custom. */
  readonly domain?: SenderDomainKind;
  readonly plan?: { readonly mails: number; readonly per: "day" | "month" };
  /** Leaves through Exchange Online though its kind does not say so. */
  readonly throughTenant?: boolean;
  /** Mail ends there (sink): no receiver counts it. */
  readonly ends?: true;
}
