import { setTimeout as sleep } from "node:timers/promises";

/** Waits between attempts, wall time: a gateway that is just starting is met by the third. */
const waitsMs = [0, 1000, 5000, 20_000];

/** Hands a notification to a real SMTP server, with the null reverse-path. @throws when the last attempt has failed, or the signal's reason */
export async function sendBySmtp(hostAndPort: string, to: string, message: Buffer, signal: AbortSignal): Promise<void> {
  const { createTransport } = await import("nodemailer");
  const colon = hostAndPort.lastIndexOf(":");
  const host = hostAndPort.slice(0, colon).replace(/^\[|\]$/g, "");
  const transport = createTransport({
    host,
    port: Number(hostAndPort.slice(colon + 1)),
    secure: false,
    // Between servers TLS is taken as it comes (RFC 7435).
    tls: { rejectUnauthorized: false },
    connectionTimeout: 5000,
    greetingTimeout: 5000,
    socketTimeout: 10_000,
    name: "mail.protection.outlook.example",
  });
  let fault: unknown;
  for (const waitMs of waitsMs) {
    await sleep(waitMs, undefined, { signal });
    try {
      await transport.sendMail({ envelope: { from: "", to: [to] }, raw: message });
      return;
    } catch (error) {
      fault = error;
      // A final no stays one.
      if (((error as { responseCode?: number }).responseCode ?? 0) >= 500) break;
    }
  }
  throw new Error(`no notification for ${to} by ${hostAndPort}`, { cause: fault });
}
