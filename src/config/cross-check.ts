import { algorithmOf } from "../domains/dkim/dkim-keys.ts";
import { BlockList, isIP } from "node:net";
import { parseCidr, type Cidr } from "../lib/cidr.ts";
import { parseHostPort } from "../lib/host-port.ts";
import { isLoopbackAddress } from "../lib/private-address.ts";
import { checkAcsKeys } from "./check-acs-keys.ts";
import { checkBounces } from "./check-bounces.ts";
import { checkServiceRoute } from "./check-service-route.ts";
import { checkSmtpRoute } from "./check-smtp-route.ts";
import { checkLimits } from "./check-limits.ts";
import type { Report } from "./load.ts";
import { nearest, type Path } from "./fault.ts";
import { checkIdentities, checkPrincipalTokens } from "./check-identities.ts";
import { checkLocalDoors } from "./check-local-doors.ts";
import { checkLogins } from "./check-logins.ts";
import type { GatewayConfig } from "./gateway-config.ts";
import { overrideValues, readOverrides } from "../services/overrides.ts";
import { checkOverrides } from "./services-section.ts";

/** What no section can know alone: names that must exist or be unique, ports twice, and the ways to build an open relay by mistake. */
export function crossCheck(config: GatewayConfig, report: Report, day: string): void {
  unique(config.listeners, "listeners", report);
  unique(config.http.listeners, "http.listeners", report);
  unique(config.routes, "routes", report);
  unique(config.networks, "networks", report);
  unique(config.principals, "principals", report);
  unique(config.identities, "identities", report);
  unique(config.routing.rules, "routing.rules", report);
  listeners(config, report);
  checkLocalDoors(config, report);
  networks(config, report);
  config.principals.forEach((principal, index) => {
    const path: Path = ["principals", index];
    fence(principal, path, report);
    checkPrincipalTokens(config, index, report);
  });
  checkLogins(config, report);
  checkAcsKeys(config, report);
  unique(config.domains, "domains", report);
  dkim(config, report);
  checkBounces(config, report);
  rules(config, report);
  routes(config, day, report);
  queue(config, report);
  network(config, report);
  checkIdentities(config, report);
  checkOverrides(config.services, report);
  checkLimits(config, report);
}

function unique(entries: readonly { readonly name: string }[], section: string, report: Report): void {
  const seen = new Map<string, number>();
  entries.forEach((entry, index) => {
    const name = entry.name.toLowerCase();
    const before = seen.get(name);
    if (before !== undefined)
      report(
        "error",
        [...section.split("."), index, "name"],
        `the name ${entry.name} is used twice`,
        `Entry ${before + 1} of the list has it already; rename one.`,
      );
    else seen.set(name, index);
  });
}

function listeners(config: GatewayConfig, report: Report): void {
  const seen = new Map<string, string>();
  const places = config.listeners.map((listener, index) => ({
    name: listener.name,
    address: listener.address,
    port: listener.port,
    path: ["listeners", index, "port"] as Path,
  }));
  config.http.listeners.forEach(({ name, address, port }, index) =>
    places.push({ name, address, port, path: ["http", "listeners", index, "port"] }),
  );
  const web = config.http.console;
  if (web.enabled)
    places.push({
      name: "http.console",
      address: web.address,
      port: web.port,
      path: ["http", "console", "port"],
    });
  for (const { name, address, port, path } of places) {
    if (isIP(address) === 0)
      report(
        "error",
        [...path.slice(0, -1), "address"],
        `"${address}" is not an IP address`,
        "Write an address of this machine, such as 127.0.0.1 or 0.0.0.0, or ::.",
      );
    if (port === 0) continue;
    // A wildcard address takes the port of every other.
    const other = seen.get(`${address}:${port}`) ?? seen.get(`*:${port}`) ?? (isWildcard(address) ? seen.get(`any:${port}`) : undefined);
    if (other !== undefined)
      report("error", path, `port ${port} is used twice`, `${other} listens there already; choose another port or address.`);
    seen.set(`${address}:${port}`, name);
    seen.set(`any:${port}`, name);
    if (isWildcard(address)) seen.set(`*:${port}`, name);
  }
  if (web.enabled && !isLoopbackAddress(web.address)) {
    report(
      "warning",
      ["http", "console", "address"],
      "the console listens beyond loopback without TLS of its own",
      "Keep it on 127.0.0.1 behind a reverse proxy with TLS.",
    );
  }
  config.http.listeners.forEach(({ name, address, tls, plainText }, index) => {
    // Keys do not cross the wire, but tokens and people's mail would.
    if (tls === undefined && plainText !== true && isIP(address) !== 0 && !isLoopbackAddress(address))
      report(
        "error",
        ["http", "listeners", index, "address"],
        `${name} would take mail and tokens in plain text beyond loopback`,
        "Add `tls`, or listen on 127.0.0.1, or set `plainText: true` behind a proxy of your own that does the encryption.",
      );
  });
  const networkNames = config.networks.map((network) => network.name);
  config.listeners.forEach((listener, index) => {
    const path: Path = ["listeners", index];
    if ((listener.kind === "submission" || listener.kind === "submissions") && config.principals.length === 0) {
      report(
        "warning",
        path,
        `nobody can send through ${listener.name}: there are no principals`,
        "Add `principals`, or remove the listener.",
      );
    }
    if (
      (listener.kind === "relay" || listener.kind === "legacy") &&
      !config.networks.some((network) => network.listeners === undefined || network.listeners.includes(listener.name))
    ) {
      report(
        "warning",
        path,
        `nobody can send through ${listener.name} without logging in: no network is trusted there`,
        "Add a network to `networks`.",
      );
    }
    if ((listener.kind === "submissions" || listener.kind === "submission" || listener.kind === "legacy") && listener.tls === undefined) {
      report(
        "error",
        path,
        `needs tls: a ${listener.kind} listener cannot work without a certificate`,
        "Add tls: { cert: { file: … }, key: { file: … } }.",
      );
    }
    if (listener.kind === "legacy" && listener.networks === undefined) {
      report(
        "error",
        path,
        "needs networks: a legacy listener speaks weak TLS, so it is bound to given networks",
        "Add networks: [names].",
      );
    }
    for (const [n, name] of (listener.networks ?? []).entries()) known(name, networkNames, [...path, "networks", n], "network", report);
  });
}

function networks(config: GatewayConfig, report: Report): void {
  const listenerNames = config.listeners.map((listener) => listener.name);
  config.networks.forEach((network, index) => {
    const path: Path = ["networks", index];
    network.addresses.forEach((address, n) => {
      const cidr = parseCidr(address);
      if (cidr === null)
        report(
          "error",
          [...path, "addresses", n],
          `"${address}" is not a network`,
          "Write an address or a range: 10.1.2.3, 10.0.0.0/8, fd00::/8.",
        );
      // Everybody's mail would be relayed: no option allows it, a range of one's own can be named.
      else if (isTooWide(cidr))
        report(
          "error",
          [...path, "addresses", n],
          `${address} would make this an open relay`,
          "Name the ranges of your own devices, such as 10.0.0.0/8; let others log in.",
        );
    });
    for (const [n, name] of (network.listeners ?? []).entries()) known(name, listenerNames, [...path, "listeners", n], "listener", report);
    fence(network, path, report);
  });
}

const patternForm = /^(\*|<>|(\*|[^@\s<>*]*)@(\*\.)?[^@\s<>*]+|(\*\.)?[^@\s<>*]+)$/;

function fence(
  owner: {
    readonly reversePaths: readonly string[];
    readonly authors?: readonly string[];
    readonly recipients?: readonly string[];
  },
  path: Path,
  report: Report,
): void {
  for (const key of ["reversePaths", "authors", "recipients"] as const) {
    owner[key]?.forEach((pattern, n) => {
      if (!patternForm.test(pattern))
        report("error", [...path, key, n], `"${pattern}" is not an address pattern`, "Write *, user@domain, @domain, @*.domain or <>.");
    });
  }
  if (owner.reversePaths.length === 0)
    report("warning", path, "may not send as anybody: reversePaths is empty", 'Add patterns such as "@contoso.example".');
  if (owner.reversePaths.includes("*") && !(owner.authors?.length === 0)) {
    report("warning", [...path, "reversePaths"], "may send as anybody in the world", 'Name your domains: ["@contoso.example"].');
  }
}

function rules(config: GatewayConfig, report: Report): void {
  const routeNames = config.routes.map((route) => route.name);
  const principalNames = [
    ...config.principals.map((principal) => principal.name),
    ...config.networks.map((network) => `net:${network.name}`),
  ];
  const used = new Set<string>();
  let always: string | null = null;
  config.routing.rules.forEach((rule, index) => {
    const path: Path = ["routing", "rules", index];
    if (always !== null)
      report(
        "warning",
        path,
        `is never reached: ${always} above it matches every message`,
        "Move it up, or give the rule above conditions.",
      );
    rule.routes.forEach((name, n) => {
      known(name, routeNames, [...path, "routes", n], "route", report);
      if (rule.routes.indexOf(name) !== n) report("error", [...path, "routes", n], `the route ${name} is named twice`, "Remove one.");
      used.add(name);
    });
    const when = rule.when;
    when?.principals?.forEach((name, n) => known(name, principalNames, [...path, "when", "principals", n], "principal", report));
    when?.reversePaths?.forEach((pattern, n) => {
      if (!patternForm.test(pattern))
        report(
          "error",
          [...path, "when", "reversePaths", n],
          `"${pattern}" is not an address pattern`,
          "Write *, user@domain, @domain, @*.domain or <>.",
        );
    });
    if (when?.sizeOver !== undefined && when.sizeUnder !== undefined && when.sizeOver >= when.sizeUnder) {
      report("error", [...path, "when"], "can never match: sizeOver is not below sizeUnder", "Correct one of them.");
    }
    if (when === undefined || Object.values(when).every((condition) => condition === undefined)) always ??= rule.name;
  });
  if (config.routing.rules.length === 0)
    report("warning", ["routing", "rules"], "no message has a route: there are no rules", "Add a rule.");
  if (config.routing.acceptedDomains.length === 0)
    report(
      "warning",
      ["routing", "acceptedDomains"],
      "every recipient counts as external: there are no accepted domains",
      "Name the domains of your organisation.",
    );
  config.routes.forEach((route, index) => {
    if (!used.has(route.name))
      report("warning", ["routes", index], `no rule uses the route ${route.name}`, "Name it in a rule, or remove it.");
  });
}

function routes(config: GatewayConfig, day: string, report: Report): void {
  const identities = config.identities.map(({ name }) => name);
  const overrides = overrideValues(readOverrides(config.services));
  config.routes.forEach((route, index) => {
    const path: Path = ["routes", index];
    if (route.kind === "mx") mxRoute(route, config, path, report);
    else if (route.kind === "smtp") checkSmtpRoute(route, identities, path, report);
    else if (route.kind !== "sink") checkServiceRoute(route, identities, overrides, day, path, report);
  });
}

function dkim(config: GatewayConfig, report: Report): void {
  config.domains.forEach((domain, index) =>
    domain.dkim.forEach(({ key }, n) => {
      try {
        algorithmOf(key);
      } catch (error) {
        report("error", ["domains", index, "dkim", n, "key"], (error as Error).message, "Make one: postern dns DOMAIN --new-key FILE.");
      }
    }),
  );
}

function mxRoute(
  route: GatewayConfig["routes"][number] & { readonly kind: "mx" },
  config: GatewayConfig,
  path: Path,
  report: Report,
): void {
  if (route.dane === "on" && !config.network.dns.trusted)
    report(
      "error",
      [...path, "dane"],
      "DANE needs answers that can be believed, and the name servers are not declared trusted",
      "Run a validating resolver (Unbound) on this machine and set network: { dns: { servers: [127.0.0.1], trusted: true } }; or dane: auto.",
    );
  if (route.localAddress !== undefined && isIP(route.localAddress) === 0)
    report("error", [...path, "localAddress"], `"${route.localAddress}" is not an IP address`, "Write an address of this machine.");
}

function queue(config: GatewayConfig, report: Report): void {
  const { lifetimeMs, delayNoticeMs, retry } = config.queue;
  if (retry.firstMs <= 0) report("error", ["queue", "retry", "first"], "must be more than 0", "Write 1m or so.");
  if (retry.longestMs < retry.firstMs)
    report("error", ["queue", "retry", "longest"], "is shorter than `first`", "Make it at least as long.");
  if (lifetimeMs < retry.firstMs) report("warning", ["queue", "lifetime"], "ends before the first retry", "Make it days.");
  if (delayNoticeMs >= lifetimeMs && delayNoticeMs > 0)
    report("warning", ["queue", "delayNotice"], "comes after the lifetime, so nobody is ever told", "Make it shorter than lifetime.");
}

function network({ network: { dns, hosts } }: GatewayConfig, report: Report): void {
  dns.servers?.forEach((server, index) => {
    const place = parseHostPort(server, 53);
    if (place === null || isIP(place.host) === 0)
      report(
        "error",
        ["network", "dns", "servers", index],
        `"${server}" is not the address of a name server`,
        "Write 192.0.2.53 or [::1]:53.",
      );
  });
  if (dns.trusted && dns.servers === undefined)
    report(
      "warning",
      ["network", "dns", "trusted"],
      "trusts whatever name servers this machine happens to have",
      "Name the validating resolver: servers: [127.0.0.1].",
    );
  for (const [from, to] of Object.entries(hosts)) {
    const path: Path = ["network", "hosts", from];
    if (parseHostPort(from, 25) === null)
      report("error", path, `"${from}" is not a host`, "Write mx.fabrikam.example or mx.fabrikam.example:25.");
    if (parseHostPort(to, null) === null) report("error", path, `"${to}" is not host:port`, "Write 127.0.0.1:10027.");
  }
}

function known(name: string, names: readonly string[], path: Path, what: string, report: Report): void {
  if (names.includes(name)) return;
  const near = nearest(name, names);
  const list = names.length === 0 ? `There is none; add it.` : `There are: ${names.join(", ")}.`;
  report("error", path, `there is no ${what} ${name}`, near === null ? list : `Did you mean ${near}?`);
}

function isWildcard(address: string): boolean {
  return address === "0.0.0.0" || address === "::";
}

/** More than an IPv4 /8 or an IPv6 /7 is nobody's own, whichever way IPv4 is written: `::ffff:0:0/96` and `::/8` hold all of it. */
function isTooWide({ address, prefix, family }: Cidr): boolean {
  if (family === "ipv4") return prefix < 8;
  const range = new BlockList();
  range.addSubnet(address, prefix, family);
  if (prefix <= 96) return prefix < 7 || range.check("::ffff:0:0", "ipv6");
  return prefix < 96 + 8 && mapped.check(address, "ipv6");
}

/** IPv4 written as IPv6 (RFC 4291 §2.5.5.2). */
const mapped = new BlockList();
mapped.addSubnet("::ffff:0:0", 96, "ipv6");
