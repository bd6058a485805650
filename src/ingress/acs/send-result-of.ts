import type { AcsErrorDetail } from "../../wire/acs/acs-error.ts";
import type { SendResult } from "../../wire/acs/send-result.ts";
import type { OperationRecord } from "./operation-record.ts";

/**
 * An operation's status from what has become of the message's recipients.
 *
 * Running while one still waits (also when an operator holds it). Then Succeeded when one at least was passed on (ACS's Succeeded is handed out,
 * not delivered, and leaves the rest to events); Canceled when an operator removed all; else Failed, with each recipient's reason.
 */
export function sendResultOf(operationId: string, { recipients }: Pick<OperationRecord, "recipients">): SendResult {
  const every = (...states: readonly string[]): boolean => recipients.every(({ state }) => states.includes(state));
  if (!every("relayed", "failed", "expired", "cancelled")) return { id: operationId, status: "Running" };
  if (recipients.some(({ state }) => state === "relayed")) return { id: operationId, status: "Succeeded" };
  const details = recipients.map(({ address, state, failure }): AcsErrorDetail => ({
    code: failure?.code ?? `message.${state}`,
    message: failure?.text ?? state,
    target: address,
  }));
  if (every("cancelled"))
    return {
      id: operationId,
      status: "Canceled",
      error: { code: "Canceled", message: "The message was removed by an operator.", details },
    };
  // MS communication data plane Email 2025-09-01 (read 2026-11-21), example of a failed operation: code and text.
  return {
    id: operationId,
    status: "Failed",
    error: { code: "EmailDropped", message: "Email was dropped after several attempts to deliver.", details },
  };
}

export function isTerminal({ status }: SendResult): boolean {
  return status !== "Running" && status !== "NotStarted";
}

/** Seconds until asking again is worth while: what is passed on at all mostly is at once. */
export function retryAfterS(ageMs: number): number {
  return ageMs < 10_000 ? 1 : ageMs < 120_000 ? 5 : 60;
}
