import { createSocket } from "node:dgram";
import { connect, isIPv6 } from "node:net";
import type { HostPort } from "../host-port.ts";
import { DnsFailed } from "./dns.ts";
import { composeQuery, type Query, type Question, readReply, type Reply } from "./message.ts";

/**
 * One question to one server: by UDP, and by TCP when the answer does not fit or somebody seems to be guessing at answers.
 *
 * Each question has a socket of its own, so a port of its own, that hears only the server (RFC 5452 §9.2).
 */
export async function exchange(server: HostPort, question: Question, timeoutMs: number): Promise<Reply> {
  const reply = await exchangeOnce(server, composeQuery(question, true), timeoutMs);
  if (reply.rcode !== "FORMERR" && reply.rcode !== "NOTIMP") return reply;
  // RFC 6891 §6.2.2: perhaps it does not know EDNS.
  return exchangeOnce(server, composeQuery(question, false), timeoutMs);
}

async function exchangeOnce(server: HostPort, query: Query, timeoutMs: number): Promise<Reply> {
  const reply = await byUdp(server, query, timeoutMs);
  return reply === null || reply.truncated ? byTcp(server, query, timeoutMs) : reply;
}

/** RFC 5452 §9.3: so many wrong answers are no accident. */
const maxWrong = 20;

/** null: ask by TCP instead. */
function byUdp(server: HostPort, query: Query, timeoutMs: number): Promise<Reply | null> {
  const { promise, resolve, reject } = Promise.withResolvers<Reply | null>();
  const socket = createSocket(isIPv6(server.host) ? "udp6" : "udp4");
  const timer = setTimeout(() => reject(timeout(server, timeoutMs)), timeoutMs);
  let wrong = 0;
  socket.on("error", (error) => reject(unreachable(server, error)));
  socket.on("message", (bytes) => {
    const reply = readReply(bytes, query);
    if (reply !== null) resolve(reply);
    else if (++wrong > maxWrong) resolve(null);
  });
  // Node tells a failure to the callback, which its types do not know; and only to it.
  socket.connect(server.port, server.host, (failed?: Error) => {
    if (failed !== undefined && failed !== null) return reject(unreachable(server, failed));
    socket.send(query.bytes, (error) => {
      if (error !== null) reject(unreachable(server, error));
    });
  });
  return promise.finally(() => {
    clearTimeout(timer);
    // An error that comes late has nobody to tell it to.
    socket.removeAllListeners("error").on("error", () => undefined);
    socket.close();
  });
}

/** RFC 7766 §8: two octets of length, then the message. */
function byTcp(server: HostPort, query: Query, timeoutMs: number): Promise<Reply> {
  const { promise, resolve, reject } = Promise.withResolvers<Reply>();
  const socket = connect({ host: server.host, port: server.port });
  const timer = setTimeout(() => reject(timeout(server, timeoutMs)), timeoutMs);
  const pieces: Buffer[] = [];
  let received = 0;
  socket.on("error", (error) => reject(unreachable(server, error)));
  socket.on("close", () => reject(new DnsFailed("ECONNRESET", `${nameOf(server)} closed the connection without an answer`)));
  socket.on("connect", () => {
    const length = Buffer.alloc(2);
    length.writeUInt16BE(query.bytes.length);
    socket.write(Buffer.concat([length, query.bytes]));
  });
  socket.on("data", (piece: Buffer) => {
    pieces.push(piece);
    received += piece.length;
    // One message, so at most 65,537 octets.
    if (received < 2) return;
    const all = pieces.length === 1 ? piece : Buffer.concat(pieces);
    pieces.splice(0, pieces.length, all);
    const length = all.readUInt16BE(0);
    if (received < length + 2) return;
    const reply = readReply(all.subarray(2, length + 2), query);
    if (reply === null || reply.truncated) reject(new DnsFailed("EBADRESP", `${nameOf(server)} gave a wrong answer`));
    else resolve(reply);
  });
  return promise.finally(() => {
    clearTimeout(timer);
    socket.destroy();
  });
}

function timeout(server: HostPort, timeoutMs: number): DnsFailed {
  return new DnsFailed("ETIMEOUT", `no answer from ${nameOf(server)} in ${timeoutMs} ms`);
}

function unreachable(server: HostPort, error: Error): DnsFailed {
  return new DnsFailed(
    (error as NodeJS.ErrnoException).code ?? "ECONNREFUSED",
    `no answer from ${nameOf(server)}: ${error.message}`,
    error,
  );
}

function nameOf({ host, port }: HostPort): string {
  return `the name server ${isIPv6(host) ? `[${host}]` : host}:${port}`;
}
