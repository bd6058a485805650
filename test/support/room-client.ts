import { request } from "node:https";
import { credentials } from "../../src/sandbox/credentials.ts";
import type { Tenant } from "../../src/sandbox/tenant/tenant.ts";
import type { TestSandbox } from "./sandbox.ts";
import { SmtpDialog } from "./smtp-dialog.ts";

/** A client of one of the sandbox's rooms: after STARTTLS and EHLO, with a certificate that it checks. */
export async function openRoom(sandbox: TestSandbox, service: string, host = "127.0.0.1"): Promise<SmtpDialog> {
  const dialog = await SmtpDialog.open(sandbox.port(service), host);
  await dialog.reply();
  await dialog.say("EHLO client.example");
  await dialog.say("STARTTLS");
  await dialog.startTls({ ca: sandbox.ca });
  await dialog.say("EHLO client.example");
  return dialog;
}

const base64 = (text: string): string => Buffer.from(text).toString("base64");

/** AUTH LOGIN, user name and password each asked for. The last reply. */
export async function login(dialog: SmtpDialog, user: string, password: string): Promise<string> {
  await dialog.say("AUTH LOGIN");
  await dialog.say(base64(user));
  return await dialog.say(base64(password));
}

export async function xoauth2(dialog: SmtpDialog, user: string, token: string): Promise<string> {
  return await dialog.say(`AUTH XOAUTH2 ${base64(`user=${user}\u0001auth=Bearer ${token}\u0001\u0001`)}`);
}

/** MAIL, RCPT, DATA and the content; the first refusal, or the last reply. */
export async function sendMail(
  dialog: SmtpDialog,
  from: string,
  recipients: readonly string[],
  content = `From: <${from}>\r\nSubject: x\r\n\r\nhi\r\n`,
): Promise<string> {
  const commands = [`MAIL FROM:<${from}>`, ...recipients.map((recipient) => `RCPT TO:<${recipient}>`), "DATA"];
  for (const command of commands) {
    const reply = await dialog.say(command);
    if (!/^[23]/.test(reply)) {
      await dialog.say("RSET");
      return reply;
    }
  }
  return await dialog.say(`${content}.`);
}

/** A token of the sandbox's Entra, by client credentials or, with `user`, by name and password. */
export async function tokenFor(
  sandbox: TestSandbox,
  scope: string,
  user: { readonly name: string; readonly password: string } | null = null,
): Promise<string> {
  const api = sandbox.port("api");
  const form = new URLSearchParams({
    client_id: credentials.clientId,
    client_secret: credentials.clientSecret,
    scope,
    ...(user === null ? { grant_type: "client_credentials" } : { grant_type: "password", username: user.name, password: user.password }),
  }).toString();
  const path = `/${credentials.tenantId}/oauth2/v2.0/token`;
  const headers = { "content-type": "application/x-www-form-urlencoded", "content-length": Buffer.byteLength(form) };
  return await new Promise((resolve, reject) => {
    request({ host: "localhost", family: 4, port: api, path, method: "POST", ca: sandbox.ca, headers }, (response) => {
      let body = "";
      response.on("data", (chunk: Buffer) => (body += chunk.toString("utf8")));
      response.on("end", () => {
        const token: unknown = (JSON.parse(body) as { readonly access_token?: unknown }).access_token;
        if (typeof token === "string") resolve(token);
        else reject(new Error(body));
      });
    })
      .on("error", reject)
      .end(form);
  });
}

/** Changes something of the tenant, as its administrator would. */
export function changeTenant(sandbox: TestSandbox, change: (tenant: Tenant) => Tenant): void {
  sandbox.sandbox.tenant.change(change);
}

/** The first of a list of the tenant, changed. */
export function first<T>(list: readonly T[], change: Partial<T>): readonly T[] {
  return list.map((item, index) => (index === 0 ? { ...item, ...change } : item));
}
