import { closeSync, openSync } from "node:fs";
import { basename, dirname, relative } from "node:path";

/**
 * A path of a unix socket that fits `sockaddr_un`: 107 bytes on Linux, 103 elsewhere. Longer ones are tried relative to the working
 * directory, then (Linux) through a descriptor of their folder; dispose when bound or connected.
 */
export interface SocketPath extends Disposable {
  readonly path: string;
}

const maxBytes = process.platform === "linux" ? 107 : 103;

export function socketPath(path: string): SocketPath {
  for (const candidate of [path, relative(process.cwd(), path)]) {
    if (Buffer.byteLength(candidate) <= maxBytes) return { path: candidate, [Symbol.dispose]: () => undefined };
  }
  if (process.platform !== "linux") throw new SocketPathTooLong(path);
  const folder = openSync(dirname(path), "r");
  return { path: `/proc/self/fd/${folder}/${basename(path)}`, [Symbol.dispose]: () => closeSync(folder) };
}

export class SocketPathTooLong extends Error {
  override readonly name = "SocketPathTooLong";

  constructor(path: string) {
    super(
      `the path of the socket is too long (${Buffer.byteLength(path)} bytes, at most ${maxBytes}): ${path}. Use a data directory with a shorter path.`,
    );
  }
}
