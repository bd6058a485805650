import { randomUUID } from "node:crypto";
import { jsonReply, type HttpReply } from "../front/http-service.ts";

/**
 * Entra's errors. MS "Microsoft Entra authentication and authorization error codes" lists the numbers; texts are as Microsoft publishes or
 * people quote them in its own repositories. Which `error` word and HTTP status goes with a number is stated there for few of them: those
 * marked *unverified* are as commonly seen. Clients should compare `error`, never the text.
 */
const table = {
  50011: { error: "invalid_request", status: 400 },
  50034: { error: "invalid_grant", status: 400 },
  // Unverified: seen as invalid_grant with suberror basic_action, and as interaction_required.
  50076: { error: "invalid_grant", status: 400, suberror: "basic_action" },
  50126: { error: "invalid_grant", status: 400 },
  50173: { error: "invalid_grant", status: 400 },
  // Unverified: seen with interaction_required too.
  53003: { error: "invalid_grant", status: 400 },
  54005: { error: "invalid_grant", status: 400 },
  65001: { error: "invalid_grant", status: 400, suberror: "consent_required" },
  70003: { error: "unsupported_grant_type", status: 400 },
  70008: { error: "invalid_grant", status: 400 },
  70011: { error: "invalid_scope", status: 400 },
  70016: { error: "authorization_pending", status: 400 },
  70018: { error: "bad_verification_code", status: 400 },
  70020: { error: "expired_token", status: 400 },
  90002: { error: "invalid_request", status: 400 },
  500011: { error: "invalid_resource", status: 400 },
  501481: { error: "invalid_grant", status: 400 },
  700016: { error: "unauthorized_client", status: 400 },
  700021: { error: "invalid_client", status: 401 },
  700023: { error: "invalid_client", status: 401 },
  700024: { error: "invalid_client", status: 401 },
  700027: { error: "invalid_client", status: 401 },
  700082: { error: "invalid_grant", status: 400 },
  900144: { error: "invalid_request", status: 400 },
  1002012: { error: "invalid_scope", status: 400 },
  7000215: { error: "invalid_client", status: 401 },
  7000216: { error: "invalid_client", status: 401 },
  7000218: { error: "invalid_client", status: 401 },
  7000222: { error: "invalid_client", status: 401 },
  9002313: { error: "invalid_grant", status: 400 },
} as const satisfies Readonly<Record<number, { readonly error: string; readonly status: number; readonly suberror?: string }>>;

export type AadstsCode = keyof typeof table;

export class Aadsts extends Error {
  override readonly name = "Aadsts";
  readonly code: AadstsCode;
  readonly error: string;

  /** @param error in place of the usual word (`slow_down`). */
  constructor(code: AadstsCode, text: string, error: string = table[code].error) {
    super(text);
    this.code = code;
    this.error = error;
  }
}

/** The body that the facts of §12 show: description with trace, correlation and time, and the same again as members. */
export function aadstsReply(fault: Aadsts, base: string, correlationId: string | undefined): HttpReply {
  const row: { readonly status: number; readonly suberror?: string } = table[fault.code];
  const timestamp = `${new Date().toISOString().slice(0, 19).replace("T", " ")}Z`;
  const traceId = randomUUID();
  const correlation = correlationId !== undefined && /^[0-9a-fA-F-]{36}$/.test(correlationId) ? correlationId : randomUUID();
  return jsonReply(row.status, {
    error: fault.error,
    error_description: `AADSTS${fault.code}: ${fault.message} Trace ID: ${traceId} Correlation ID: ${correlation} Timestamp: ${timestamp}`,
    error_codes: [fault.code],
    timestamp,
    trace_id: traceId,
    correlation_id: correlation,
    error_uri: `${base}/error?code=${fault.code}`,
    ...(row.suberror === undefined ? {} : { suberror: row.suberror }),
  });
}
