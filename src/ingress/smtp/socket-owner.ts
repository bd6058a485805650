import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";

/** Who hears of a socket's events. */
export interface SocketOwner {
  onData(chunk: Buffer): void;
  onEnd(): void;
  onDrain(): void;
  onError(error: Error): void;
  onSecure(): void;
  onClosed(): void;
}

const owner = Symbol("owner");
type Owned = Socket & { [owner]?: SocketOwner };

/** Sends a socket's events to `to`. The listeners are shared by all sockets: thousands of connections a second make no closures. */
export function ownSocket(socket: Owned, to: SocketOwner): void {
  socket[owner] = to;
  socket.on("data", onData);
  socket.on("end", onEnd);
  socket.on("drain", onDrain);
  socket.on("error", onError);
  socket.on("close", onClose);
  if (!(socket instanceof TLSSocket)) return;
  socket.on("secure", onSecure);
  // What fails in TLS comes here, and does not destroy the socket.
  socket.on("_tlsError", onError);
}

/** Ends `ownSocket`, before TLS takes the socket over. Errors from then on are TLS's to tell. */
export function disownSocket(socket: Owned): void {
  delete socket[owner];
  socket.off("data", onData);
  socket.off("end", onEnd);
  socket.off("drain", onDrain);
  socket.off("close", onClose);
}

function onData(this: Owned, chunk: Buffer): void {
  this[owner]?.onData(chunk);
}

function onEnd(this: Owned): void {
  this[owner]?.onEnd();
}

function onDrain(this: Owned): void {
  this[owner]?.onDrain();
}

function onError(this: Owned, error: Error): void {
  this[owner]?.onError(error);
}

function onClose(this: Owned): void {
  this[owner]?.onClosed();
}

function onSecure(this: Owned): void {
  this[owner]?.onSecure();
}
