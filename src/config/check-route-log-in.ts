import { nearest, type Path } from "./fault.ts";
import type { Report } from "./load.ts";

/** What every log-in of a route must have: a secret or an identity that exists, and encryption on the way. */
export function checkRouteLogIn(
  auth: { readonly secret?: unknown; readonly identity?: string },
  security: { readonly tls?: string; readonly authWithoutTls?: boolean },
  identities: readonly string[],
  route: Path,
  report: Report,
): void {
  const path: Path = [...route, "auth"];
  if ((auth.secret === undefined) === (auth.identity === undefined))
    report(
      "error",
      path,
      "needs either secret or identity",
      "Write secret: { file: … } to log in with a password, or identity: NAME of `identities` for OAuth.",
    );
  if (auth.identity !== undefined && !identities.includes(auth.identity)) {
    const near = nearest(auth.identity, identities);
    report(
      "error",
      [...path, "identity"],
      `there is no identity ${auth.identity}`,
      near === null ? "Add it to `identities`." : `Did you mean ${near}?`,
    );
  }
  if (security.tls !== "required" && security.tls !== "implicit" && security.authWithoutTls !== true)
    report(
      "error",
      [...route, "tls"],
      `the ${auth.identity === undefined ? "password" : "token"} might be sent without encryption`,
      "Set tls: required (or implicit), or authWithoutTls: true if the network between is yours alone.",
    );
}
