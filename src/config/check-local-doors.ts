import type { GatewayConfig } from "./gateway-config.ts";
import { nearest, type Path } from "./fault.ts";
import type { Report } from "./load.ts";

/** The principals as whom programs of this machine send, without logging in. */
export function localPrincipals({ sendmail }: Pick<GatewayConfig, "sendmail">): ReadonlySet<string> {
  return new Set(sendmail.map(({ principal }) => principal));
}

/** Doors that are files: sockets for `postern sendmail`. */
export function checkLocalDoors(config: GatewayConfig, report: Report): void {
  const names = new Set([...config.listeners, ...config.http.listeners].map(({ name }) => name.toLowerCase()));
  const sockets = new Set<string>();
  config.sendmail.forEach(({ name, socket, principal, group, everybody }, index) => {
    const path: Path = ["sendmail", index];
    if (names.has(name.toLowerCase()))
      report("error", [...path, "name"], `the name ${name} is used twice`, "Another door has it; rename one.");
    names.add(name.toLowerCase());
    if (sockets.has(socket)) report("error", [...path, "socket"], "another entry has this socket", "Give each a path of its own.");
    sockets.add(socket);
    knownPrincipal(principal, config, [...path, "principal"], report);
    if (group !== undefined && everybody === true)
      report("error", [...path, "group"], "says who may send, and everybody may", "Remove group or everybody.");
  });
}

function knownPrincipal(name: string, { principals }: GatewayConfig, path: Path, report: Report): void {
  const names = principals.map((principal) => principal.name);
  if (names.includes(name)) return;
  const near = nearest(name, names);
  const list = names.length === 0 ? "Add it to `principals`; it needs no password." : `There are: ${names.join(", ")}.`;
  report("error", path, `there is no principal ${name}`, near === null ? list : `Did you mean ${near}?`);
}
