import { isIP } from "node:net";
import { parseHostPort } from "../lib/host-port.ts";
import { isPrivateAddress } from "../lib/private-address.ts";
import type { ServiceRouteOptions } from "../routes/smtp/service-options.ts";
import { serviceShapes, type ServiceShape } from "../routes/smtp/service-shapes.ts";
import { catalogue } from "../services/catalogue.ts";
import { type Overrides, profileAsOf } from "../services/profile-as-of.ts";
import { checkRouteLogIn } from "./check-route-log-in.ts";
import type { Path } from "./fault.ts";
import type { Report } from "./load.ts";

/**
 * What the schema of a route to a service cannot say: what goes together, what is missing, what would leak.
 *
 * @param day the day that the catalogue is asked for
 */
export function checkServiceRoute(
  route: ServiceRouteOptions,
  identities: readonly string[],
  overrides: Overrides,
  day: string,
  path: Path,
  report: Report,
): void {
  const shape: ServiceShape = serviceShapes[route.kind];
  place(route, shape, path, report);
  if (route.auth !== undefined) logIn(route, route.auth, identities, overrides, day, path, report);
  if (route.rewriteSender === true && route.account === undefined && !(route.auth?.user ?? "").includes("@"))
    report("error", [...path, "rewriteSender"], "there is no account to put in the sender's place", "Name it: account: user@domain.");
  if (shape.place === "mx" && route.kind === "connector" && route.clientCertificate === undefined)
    report(
      "warning",
      path,
      "without clientCertificate the connector can know us by our public address only",
      "Give the route a certificate whose name is of an accepted domain; an address changes more easily than one notices.",
    );
}

function place(route: ServiceRouteOptions, { place: where }: ServiceShape, path: Path, report: Report): void {
  if (where === "mx" && (route.domain === undefined) === (route.host === undefined))
    report("error", path, "needs either domain or host", "Write domain: contoso.com, whose MX is looked up; or host, to fix one.");
  const { rules } = catalogue[route.kind].profile.hosts;
  const [recommended, ...older] = rules.at(-1)?.value ?? [];
  // Names that still lead there are known, so that a configuration from an old guide is not a puzzle.
  if (recommended !== undefined && route.host !== undefined && older.includes(route.host.toLowerCase()))
    report(
      "warning",
      [...path, "host"],
      `${route.host} is not the recommended name of ${catalogue[route.kind].title}`,
      `Leave host out, or write ${recommended}. ${rules.at(-1)?.note ?? ""}`.trim(),
    );
  const hosts = route.hosts ?? (route.host === undefined ? [] : [route.host]);
  hosts.forEach((text, n) => {
    const at: Path = route.hosts === undefined ? [...path, "host"] : [...path, "hosts", n];
    const host = isIP(text) === 0 ? parseHostPort(text, 25)?.host : text;
    if (host === undefined) report("error", at, `"${text}" is not a host`, "Write a name, an address, or either with :port.");
    else if (isIP(host) !== 0 && isPrivateAddress(host) && route.allowPrivate !== true)
      report("error", at, `${host} is a private address`, "Set allowPrivate: true for this route if that is where it should lead.");
  });
}

function logIn(
  route: ServiceRouteOptions,
  auth: NonNullable<ServiceRouteOptions["auth"]>,
  identities: readonly string[],
  overrides: Overrides,
  day: string,
  routePath: Path,
  report: Report,
): void {
  const path: Path = [...routePath, "auth"];
  const profile = profileAsOf(catalogue[route.kind], day, overrides);
  checkRouteLogIn(auth, { ...route, tls: route.tls ?? profile.tls }, identities, routePath, report);
  if (auth.identity !== undefined && !profile.sasl.includes("XOAUTH2"))
    report("error", [...path, "identity"], `${catalogue[route.kind].title} takes no tokens`, "Use secret.");
  const parts = [auth.resource, auth.application, auth.tenant];
  const given = parts.filter((part) => part !== undefined).length;
  if (auth.user === undefined ? given < parts.length : given > 0)
    report(
      "error",
      path,
      "needs either user, or resource, application and tenant",
      "Together they make the user name resource.application.tenant.",
    );
}
