import { createHash } from "node:crypto";

/**
 * Ids of operations that we name ourselves: they hold the message's id, so that a status costs one look and survives everything that the
 * message survives. RFC 9562 §5.8 (UUID version 8): 60 bits for the id, 62 that tell ours from a client's and are the principal's.
 */
export function operationIdOf(messageId: number, principal: string): string {
  const id = messageId.toString(16).padStart(15, "0");
  const mark = markOf(messageId, principal);
  return `${id.slice(0, 8)}-${id.slice(8, 12)}-8${id.slice(12)}-${mark.slice(0, 4)}-${mark.slice(4)}`;
}

/** The message of such an id; null when it is another kind of id, or another principal's. */
export function messageIdOf(operationId: string, principal: string): number | null {
  const match = /^([0-9a-f]{8})-([0-9a-f]{4})-8([0-9a-f]{3})-[0-9a-f]{4}-[0-9a-f]{12}$/.exec(operationId);
  if (match === null) return null;
  const id = Number.parseInt(match.slice(1).join(""), 16);
  return Number.isSafeInteger(id) && operationIdOf(id, principal) === operationId ? id : null;
}

/** A client's own id in the form that is compared: without regard to case. null: it is no UUID. */
export function parseOperationId(text: string): string | null {
  return /^[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$/.test(text) ? text.toLowerCase() : null;
}

/** The Message-ID of what came with a client's own id: by it the operation is found again. */
export function messageIdFieldOf(operationId: string, principal: string, hostname: string): string {
  return `<${operationId}.${digest(principal).slice(0, 12)}${messageIdEnding(hostname)}`;
}

export function messageIdEnding(hostname: string): string {
  return `.acs@${hostname}>`;
}

function markOf(messageId: number, principal: string): string {
  const hex = digest(`${messageId}\0${principal}`);
  // The variant's two bits are 10.
  const variant = ((Number.parseInt(hex.charAt(0), 16) & 0x3) | 0x8).toString(16);
  return variant + hex.slice(1, 16);
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
