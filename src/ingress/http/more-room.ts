import type { FastifyReply } from "fastify";
import type { MoreRoom } from "../../submission/submission.ts";
import type { Memory } from "./memory.ts";

/** Memory for what a request makes of itself beyond its own size; given back when it has been answered. */
export function moreRoom(memory: Memory, reply: FastifyReply): MoreRoom {
  const held: (() => void)[] = [];
  reply.raw.once("close", () => {
    for (const giveBack of held) giveBack();
  });
  return (bytes) => {
    const giveBack = memory.take(bytes);
    if (giveBack !== null) held.push(giveBack);
    return giveBack !== null;
  };
}
