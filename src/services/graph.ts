import { minuteMs, type CountedLimit } from "./counted.ts";
import { steady } from "./rules.ts";
import { mailboxLimits } from "./smtp-auth.ts";
import { sources } from "./sources.ts";

const id = (name: string) => `graph.${name}`;

/** Microsoft Graph sendMail: its throttling. Above it stand the limits of the mailbox, which it shares with SMTP AUTH. */
export const graphFacts = {
  "requests-per-ten-minutes": steady(
    id("requests-per-ten-minutes"),
    "Requests in 10 minutes of one application to one mailbox",
    10_000,
    sources.graphThrottling,
  ),
  "concurrent-requests": steady(
    id("concurrent-requests"),
    "Requests at a time of one application to one mailbox",
    4,
    sources.graphThrottling,
  ),
  "upload-per-five-minutes": steady(
    id("upload-per-five-minutes"),
    "Bodies of requests in 5 minutes of one application to one mailbox",
    150 * 1024 * 1024,
    sources.graphThrottling,
    { unit: "bytes" },
  ),
  "requests-per-ten-seconds": steady(
    id("requests-per-ten-seconds"),
    "Requests in 10 seconds of one application, all tenants together",
    130_000,
    sources.graphThrottling,
  ),
  "counts-for-tenant": steady(id("counts-for-tenant"), "External recipients count for the tenant's limit", true, sources.terrl),
} as const;

/** What a way out by Graph counts; 429 with Retry-After says which is full. The mailbox's delay and day do not show as 429. */
export const graphLimits: readonly CountedLimit[] = [
  { fact: id("requests-per-ten-minutes"), unit: "requests", windowMs: 10 * minuteMs, per: "application", atOnce: 1, fullCodes: [] },
  { fact: id("concurrent-requests"), unit: "requests", windowMs: 0, per: "application", atOnce: 1, fullCodes: [] },
  { fact: id("upload-per-five-minutes"), unit: "bytes", windowMs: 5 * minuteMs, per: "application", atOnce: 1, fullCodes: [] },
  ...mailboxLimits,
];
