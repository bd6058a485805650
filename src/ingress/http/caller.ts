import { TLSSocket } from "node:tls";
import type { FastifyRequest } from "fastify";
import { plainAddress } from "../../lib/cidr.ts";
import type { CallerFacts } from "./door-log.ts";

/** Who asks, as far as the connection tells; `principalName` is the API's to add. */
export function callerOf(request: FastifyRequest, listenerName: string, principalName = ""): CallerFacts {
  const { socket } = request.raw;
  return {
    listenerName,
    address: plainAddress(socket.remoteAddress ?? ""),
    port: socket.remotePort ?? 0,
    clientName: "",
    principalName,
    tls: socket instanceof TLSSocket ? `${socket.getProtocol() ?? ""} ${socket.getCipher().standardName}` : "",
  };
}
