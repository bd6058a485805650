import type { ServiceKind } from "../../services/service.ts";

/** What of a service decides which options its routes have, as data; its values are the catalogue's. */
export interface ServiceShape {
  /** Where its host comes from: the catalogue, the operator, or the MX of the operator's domain. */
  readonly place: "published" | "named" | "mx";
  readonly logsIn: "must" | "may" | "never";
  /** Its user name can be composed of resource, application and tenant. */
  readonly composedUser?: true;
  /** Options that say what its limits are counted for. */
  readonly counts: readonly CountingOption[];
  readonly description: string;
}

/** Of the options that tell for whom a service counts. */
export type CountingOption = "mailbox" | "subscription" | "domain" | "plan" | "throughTenant";

export const serviceShapes = {
  "smtp-auth": {
    place: "published",
    logsIn: "must",
    counts: ["mailbox"],
    description: "Client submission to Exchange Online (smtp.office365.com), as a mailbox.",
  },
  hve: {
    place: "published",
    logsIn: "must",
    counts: [],
    description: "High Volume Email: to the tenant's own recipients, from an account that is always the sender.",
  },
  "acs-smtp": {
    place: "published",
    logsIn: "must",
    composedUser: true,
    counts: ["subscription", "domain"],
    description: "Azure Communication Services Email by SMTP.",
  },
  connector: {
    place: "mx",
    logsIn: "never",
    counts: [],
    description: "SMTP relay through the tenant's MX: an inbound connector knows us by certificate or by address.",
  },
  "direct-send": {
    place: "mx",
    logsIn: "never",
    counts: [],
    description: "Direct Send: anonymous mail to the tenant's own MX, for its own recipients.",
  },
  "smart-host": {
    place: "named",
    logsIn: "may",
    counts: ["throughTenant"],
    description:
      "One or several servers of one's own: Exchange Server on-premises, or any other. They take turns; one that is down is left out.",
  },
  "sendgrid-smtp": { place: "published", logsIn: "must", counts: ["plan"], description: "SendGrid by SMTP." },
} as const satisfies Partial<Record<ServiceKind, ServiceShape>>;

export type SmtpServiceKind = keyof typeof serviceShapes;
