import { chmodSync, chownSync, lstatSync, readFileSync, unlinkSync } from "node:fs";
import { connect, type Server } from "node:net";
import { socketPath } from "../../lib/unix-socket.ts";
import type { LocalListenerOptions } from "./local-options.ts";
import { smtpListenerDefaults as defaults, type ListenerOptions } from "./options.ts";

/** A Unix socket as the listener that it is. */
export function localListener(local: LocalListenerOptions): ListenerOptions {
  const { name, socket, maxMessageSize, maxRecipients, maxConnections = defaults.localConnections } = local;
  return {
    name,
    kind: "sendmail",
    address: socket,
    port: 0,
    local,
    maxConnections,
    // All come from no address at all, so there is one bound for them together.
    maxConnectionsPerAddress: maxConnections,
    ...(maxMessageSize !== undefined && { maxMessageSize }),
    ...(maxRecipients !== undefined && { maxRecipients }),
  };
}

/**
 * Binds the socket: first for ourselves alone, then for those who may send, so that there is no moment at which others could connect.
 *
 * @throws Error when somebody listens there, when something else lies there, or when the group is not ours to give
 */
export async function bindLocally(server: Server, { socket, group, everybody }: LocalListenerOptions, backlog: number): Promise<void> {
  const gid = group === undefined ? null : groupId(group);
  await removeStale(socket);
  using short = socketPath(socket);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  const mask = process.umask(0o177);
  try {
    server.listen({ path: short.path, backlog }, () => {
      server.off("error", reject);
      resolve();
    });
  } finally {
    process.umask(mask);
  }
  await promise;
  try {
    if (gid !== null) chownSync(socket, process.getuid?.() ?? -1, gid);
    if (everybody === true) chmodSync(socket, 0o666);
    else if (gid !== null) chmodSync(socket, 0o660);
  } catch (error) {
    server.close();
    throw new Error(`the socket ${socket} cannot be given to the group ${group ?? ""}: run the gateway as a member of it`, {
      cause: error,
    });
  }
}

/** What a killed process left is removed; the socket of one that lives, and anything that is no socket, is left alone. */
async function removeStale(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw new Error(`${path} is there and is no socket: remove it, or choose another path`);
  if (await answers(path)) throw new Error(`another gateway listens at ${path}: choose another path`);
  unlinkSync(path);
}

function answers(path: string): Promise<boolean> {
  using short = socketPath(path);
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const probe = connect(short.path);
  probe.once("connect", () => {
    probe.destroy();
    resolve(true);
  });
  // Refused: nobody listens. Anything else (no permission, a full backlog) may be somebody's.
  probe.once("error", (error: NodeJS.ErrnoException) => resolve(error.code !== "ECONNREFUSED" && error.code !== "ENOENT"));
  return promise;
}

/** Node has no getgrnam: a name is looked up in the machine's own file, a number taken as it is. @throws Error */
function groupId(group: string): number {
  if (/^\d+$/.test(group)) return Number(group);
  for (const line of readFileSync("/etc/group", "utf8").split("\n")) {
    const [name, , gid] = line.split(":");
    if (name === group && gid !== undefined) return Number(gid);
  }
  throw new Error(`there is no group ${group} in /etc/group: write its number if it comes from elsewhere`);
}
