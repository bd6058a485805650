import { isIP } from "node:net";
import { parseHostPort } from "../lib/host-port.ts";
import { isPrivateAddress } from "../lib/private-address.ts";
import type { ServiceRouteOptions } from "../routes/smtp/service-options.ts";
import { serviceShapes, type ServiceShape } from "../routes/smtp/service-shapes.ts";
import { catalogue } from "../services/catalogue.ts";
import { type Overrides, profileAsOf } from "../services/profile-as-of.ts";
import { nearest, type Path } from "./fault.ts";
import type { Report } from "./load.ts";

/** What the schema of a route to a service cannot say: what goes together, what is missing, what would leak. */
export function checkServiceRoute(
  route: ServiceRouteOptions,
  identities: readonly string[],
  overrides: Overrides,
  path: Path,
  report: Report,
): void {
  const shape: ServiceShape = serviceShapes[route.kind];
  place(route, shape, path, report);
  if (route.auth !== undefined) logIn(route, route.auth, identities, overrides, [...path, "auth"], report);
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
  path: Path,
  report: Report,
): void {
  if ((auth.secret === undefined) === (auth.identity === undefined))
    report(
      "error",
      path,
      "needs either secret or identity",
      "Write secret: { file: … } to log in with a password, or identity: NAME of `identities` for OAuth.",
    );
  const profile = profileAsOf(catalogue[route.kind], new Date().toISOString().slice(0, 10), overrides);
  if (auth.identity !== undefined && !profile.sasl.includes("XOAUTH2"))
    report("error", [...path, "identity"], `${catalogue[route.kind].title} takes no tokens`, "Use secret.");
  if (auth.identity !== undefined && !identities.includes(auth.identity)) {
    const near = nearest(auth.identity, identities);
    report(
      "error",
      [...path, "identity"],
      `there is no identity ${auth.identity}`,
      near === null ? "Add it to `identities`." : `Did you mean ${near}?`,
    );
  }
  const parts = [auth.resource, auth.application, auth.tenant];
  const given = parts.filter((part) => part !== undefined).length;
  if (auth.user === undefined ? given < parts.length : given > 0)
    report(
      "error",
      path,
      "needs either user, or resource, application and tenant",
      "Together they make the user name resource.application.tenant.",
    );
  const profiled = route.tls ?? profile.tls;
  if (profiled !== "required" && profiled !== "implicit" && route.authWithoutTls !== true)
    report(
      "error",
      [...path.slice(0, -1), "tls"],
      "the password might be sent without encryption",
      "Set tls: required (or implicit), or authWithoutTls: true if the network between is yours alone.",
    );
}
