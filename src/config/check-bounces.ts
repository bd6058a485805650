import type { Path } from "./fault.ts";
import type { GatewayConfig } from "./gateway-config.ts";
import type { Report } from "./load.ts";

/** RFC 5321 §4.5.4.1: servers try for four to five days before they return a message. */
const patienceMs = 5 * 86_400_000;

/** Bounce addresses need four things at once: a domain of their own, a listener, a route that uses them, and a history that remembers. */
export function checkBounces(config: GatewayConfig, report: Report): void {
  const { domains, listeners, routes, routing, history } = config;
  const doors = listeners.flatMap((listener, index) => (listener.kind === "bounce" ? [{ listener, index }] : []));
  const accepted = new Set(routing.acceptedDomains.map((entry) => (typeof entry === "string" ? entry : entry.name).toLowerCase()));
  const takers = domains.filter(({ bounces }) => bounces !== undefined);
  domains.forEach(({ name, bounces }, index) => {
    if (bounces === undefined) return;
    const path: Path = ["domains", index, "bounces"];
    const { domain, validForMs } = bounces;
    if (domain === name || accepted.has(domain))
      report(
        "error",
        [...path, "domain"],
        `${domain} has mailboxes: its MX cannot lead to the bounce listener`,
        `Use a sub-domain that nothing else uses, such as bounce.${name}.`,
      );
    else if (!domain.endsWith(`.${name}`))
      report(
        "warning",
        [...path, "domain"],
        `${domain} is not below ${name}: SPF will not count for DMARC`,
        `Use a sub-domain, such as bounce.${name}, or rely on DKIM.`,
      );
    if (doors.length === 0)
      report(
        "error",
        path,
        `nothing takes what comes back to ${domain}: there is no listener of kind bounce`,
        "Add { name: bounces, kind: bounce, address: 0.0.0.0, port: 25 } to listeners, on an address that the world reaches.",
      );
    if (validForMs < patienceMs)
      report(
        "warning",
        [...path, "validFor"],
        "is shorter than other servers try: what they return after five days is refused",
        "Make it 7d or more.",
      );
    if (history.keepMs < validForMs)
      report(
        "warning",
        [...path, "validFor"],
        "is longer than the history remembers: what is returned later than that cannot be told to anybody",
        "Raise history.keep, or shorten validFor.",
      );
  });
  if (takers.length > 0 && !routes.some(({ kind }) => kind === "mx"))
    report(
      "warning",
      ["domains"],
      "no route uses bounce addresses: only those of kind mx do",
      "Services keep or rewrite the reverse-path themselves; remove bounces, or add a route of kind mx.",
    );
  for (const { listener, index } of doors) {
    if (takers.length === 0)
      report(
        "warning",
        ["listeners", index],
        `${listener.name} refuses everything: no domain has bounces`,
        "Add bounces: { domain: … } to an entry of domains.",
      );
  }
}
