import { isIP } from "node:net";
import { isPrivateAddress } from "../lib/private-address.ts";
import type { SmtpRouteOptions } from "../routes/smtp/options.ts";
import { checkRouteLogIn } from "./check-route-log-in.ts";
import type { Path } from "./fault.ts";
import type { Report } from "./load.ts";

/** What the schema of a route of kind `smtp` cannot say. */
export function checkSmtpRoute(route: SmtpRouteOptions, identities: readonly string[], path: Path, report: Report): void {
  if (isIP(route.host) !== 0 && isPrivateAddress(route.host) && route.allowPrivate !== true) {
    report(
      "error",
      [...path, "host"],
      `${route.host} is a private address`,
      "Set allowPrivate: true for this route if that is where it should lead.",
    );
  }
  const { auth } = route;
  if (auth === undefined) return;
  checkRouteLogIn(auth, route, identities, path, report);
  if (auth.identity === undefined) return;
  // No catalogue knows what this server's tokens are for.
  if (auth.scope === undefined)
    report(
      "error",
      [...path, "auth"],
      "an identity needs a scope to ask a token for",
      "Write scope: as the server's documents say, such as https://outlook.office365.com/.default.",
    );
  if (auth.mechanism !== undefined && auth.mechanism !== "auto" && auth.mechanism !== "xoauth2")
    report("error", [...path, "auth", "mechanism"], "an identity logs in with a token", "Leave mechanism out, or write xoauth2.");
}
