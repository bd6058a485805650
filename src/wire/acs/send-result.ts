import type { AcsErrorDetail } from "./acs-error.ts";

/** EmailSendResult: what an operation has come to. */
export interface SendResult {
  readonly id: string;
  readonly status: SendStatus;
  /** With Failed and Canceled. */
  readonly error?: AcsErrorDetail;
}

export type SendStatus = "NotStarted" | "Running" | "Succeeded" | "Failed" | "Canceled";
