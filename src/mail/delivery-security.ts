/**
 * How a transaction was protected on its way to the next hop, from weak to strong. *Opportunistic* is encryption that an attacker on the way
 * could have prevented or read; *verified* is held to the well-known authorities (or the route's own) by the route's configuration; *mta-sts*
 * (RFC 8461) and *dane* (RFC 7672) by the policy of the destination.
 */
export const deliverySecurities = ["plain", "opportunistic", "verified", "mta-sts", "dane"] as const;

export type DeliverySecurity = (typeof deliverySecurities)[number];
