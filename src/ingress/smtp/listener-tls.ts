import { createSecureContext, type SecureContext, type SecureContextOptions } from "node:tls";
import type { SmtpListenerKind } from "./options.ts";

/** What TLS a kind of listener speaks. */
export function secureContextFor(kind: SmtpListenerKind, certificate: { readonly cert: string; readonly key: string }): SecureContext {
  return createSecureContext({ ...certificate, ...(kind === "legacy" ? legacyTls : modernTls) });
}

const modernTls: SecureContextOptions = {
  // RFC 8997: TLS 1.2 at least.
  minVersion: "TLSv1.2",
  honorCipherOrder: true,
  sessionIdContext: "postern",
};

/** Devices that cannot do better; the listener is fenced to their networks. */
const legacyTls: SecureContextOptions = {
  minVersion: "TLSv1",
  // OpenSSL 3 forbids TLS below 1.2, SHA-1 signatures and small keys above this level.
  ciphers: "DEFAULT@SECLEVEL=0",
  honorCipherOrder: true,
  sessionIdContext: "postern-legacy",
};
