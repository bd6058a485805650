import type { GatewayConfig } from "./gateway-config.ts";
import { nearest, type Path } from "./fault.ts";
import type { Report } from "./load.ts";

/** The principals as whom programs of this machine send, without logging in. */
export function localPrincipals({ sendmail, pickup }: Pick<GatewayConfig, "sendmail" | "pickup">): ReadonlySet<string> {
  return new Set([...sendmail, ...pickup].map(({ principal }) => principal));
}

/** Doors that are files: sockets for `postern sendmail`, and pickup folders. */
export function checkLocalDoors(config: GatewayConfig, report: Report): void {
  const names = new Set([...config.listeners, ...config.http.listeners].map(({ name }) => name.toLowerCase()));
  const once = (name: string, path: Path): void => {
    if (names.has(name.toLowerCase()))
      report("error", [...path, "name"], `the name ${name} is used twice`, "Another door has it; rename one.");
    names.add(name.toLowerCase());
  };
  const sockets = new Set<string>();
  config.sendmail.forEach(({ name, socket, principal, group, everybody }, index) => {
    const path: Path = ["sendmail", index];
    once(name, path);
    if (sockets.has(socket)) report("error", [...path, "socket"], "another entry has this socket", "Give each a path of its own.");
    sockets.add(socket);
    knownPrincipal(principal, config, [...path, "principal"], report);
    if (group !== undefined && everybody === true)
      report("error", [...path, "group"], "says who may send, and everybody may", "Remove group or everybody.");
  });
  const folders = new Set<string>();
  config.pickup.forEach(({ name, folder, principal, pollMs }, index) => {
    const path: Path = ["pickup", index];
    once(name, path);
    if (folders.has(folder)) report("error", [...path, "folder"], "another entry has this folder", "Give each a folder of its own.");
    folders.add(folder);
    if (pollMs !== undefined && pollMs < 100) report("error", [...path, "poll"], "is shorter than 100ms", "Write 1s or so.");
    knownPrincipal(principal, config, [...path, "principal"], report);
    // A file becomes one message, or what a crash left of it could not be told.
    if (config.principals.find((one) => one.name === principal)?.xsmtpapi === true)
      report("error", [...path, "principal"], `${principal} has xsmtpapi, which a pickup folder does not do`, "Name another principal.");
  });
}

function knownPrincipal(name: string, { principals }: GatewayConfig, path: Path, report: Report): void {
  const names = principals.map((principal) => principal.name);
  if (names.includes(name)) return;
  const near = nearest(name, names);
  const list = names.length === 0 ? "Add it to `principals`; it needs no password." : `There are: ${names.join(", ")}.`;
  report("error", path, `there is no principal ${name}`, near === null ? list : `Did you mean ${near}?`);
}
