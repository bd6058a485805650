import { isIPv6, type Socket } from "node:net";
import { DialFailed } from "../dial.ts";
import type { HostPort } from "../host-port.ts";

/** RFC 9110 §9.3.6: asks the proxy at the other end of `socket` for a tunnel. On failure the socket is destroyed and DialFailed says why. */
export async function openTunnel(socket: Socket, { host, port }: HostPort, signal: AbortSignal): Promise<Socket> {
  const authority = `${isIPv6(host) ? `[${host}]` : host}:${port}`;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let head = "";
  const onData = (piece: Buffer) => {
    head += piece.toString("latin1");
    const end = head.indexOf("\r\n\r\n");
    if (end < 0) {
      if (head.length > longestHead) reject(new DialFailed("connect", "the proxy's answer has no end"));
      return;
    }
    const status = /^HTTP\/1\.[01] ([0-9]{3})/.exec(head)?.[1];
    if (status?.startsWith("2") !== true) reject(new DialFailed("connect", `the proxy made no way to ${authority}: ${firstLine(head)}`));
    // The other side speaks after us: what is there already is not TLS.
    else if (head.length > end + 4) reject(new DialFailed("connect", "the proxy sent something before it was asked"));
    else resolve();
  };
  const onError = (error: Error) => reject(new DialFailed("connect", `the proxy: ${error.message}`, error));
  const onClose = () => reject(new DialFailed("connect", "the proxy closed the connection"));
  const onAbort = () => reject(new DialFailed("timeout", `the proxy made no way to ${authority} in time`));
  signal.addEventListener("abort", onAbort, { once: true });
  socket.on("data", onData).on("error", onError).on("close", onClose);
  socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`);
  try {
    await promise;
    socket.pause();
    return socket;
  } catch (error) {
    socket.on("error", () => undefined);
    socket.destroy();
    throw error;
  } finally {
    signal.removeEventListener("abort", onAbort);
    socket.removeListener("data", onData).removeListener("error", onError).removeListener("close", onClose);
  }
}

const longestHead = 16_384;

function firstLine(head: string): string {
  return (head.split("\r\n", 1)[0] ?? "").slice(0, 200).replace(/[^\x20-\x7e]/g, "?");
}
