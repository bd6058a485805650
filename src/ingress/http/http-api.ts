import type { FastifyInstance } from "fastify";
import type { Memory } from "./memory.ts";

/**
 * One compatible API behind the shared listener. Adapters: `ingress/acs`, … ; they know this folder, never each other.
 *
 * Duties of an API: paths that no other API has; a `bodyLimit` on each route that takes more than 64 KB; who asks is found out in `onRequest`,
 * before any of the body is read; every error leaves in its service's own form (`setErrorHandler`), a Refusal of the listener's too.
 * Duties of the listener: limits on headers, connections, time and memory, TLS, and an answer where no API has the path.
 */
export interface HttpApi {
  readonly name: string;
  /**
   * Called once for each listener, with a context of its own: hooks, parsers and the error handler set there concern this API alone.
   *
   * @param memory for what a request makes beyond its own size, which is counted already (more-room.ts)
   */
  register(context: FastifyInstance, listener: string, memory: Memory): void;
}
