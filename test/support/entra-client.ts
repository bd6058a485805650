import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { credentials } from "../../src/sandbox/credentials.ts";
import type { TestSandbox } from "./sandbox.ts";

export interface EntraAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly text: string;
  /** Parsed where it is JSON; the test knows the shape. */
  // eslint-disable-next-line typescript/no-explicit-any
  readonly body: any;
}

/** Any request to the sandbox's front, with its certificate checked where there is one; no redirect is followed. */
export async function frontRequest(
  sandbox: TestSandbox,
  path: string,
  {
    method = "GET",
    headers = {},
    body,
    plain = false,
  }: { method?: string; headers?: Record<string, string>; body?: string; plain?: boolean } = {},
): Promise<EntraAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<EntraAnswer>();
  const port = sandbox.port(plain ? "api-http" : "api");
  const options = { host: "localhost", family: 4, port, path, method, headers, agent: false, timeout: 20_000 } as const;
  const request = (plain ? httpRequest(options) : httpsRequest({ ...options, ca: sandbox.ca, servername: "localhost" })).once(
    "error",
    reject,
  );
  request.once("response", (response) => {
    let text = "";
    response.setEncoding("utf8").on("data", (part: string) => (text += part));
    response.once("error", reject).once("end", () => {
      const json = (response.headers["content-type"] ?? "").startsWith("application/json");
      resolve({ status: response.statusCode ?? 0, headers: response.headers, text, body: json ? JSON.parse(text) : null });
    });
  });
  request.end(body);
  return await promise;
}

/** POST of a form. */
export async function postForm(sandbox: TestSandbox, path: string, fields: Readonly<Record<string, string>>): Promise<EntraAnswer> {
  return await frontRequest(sandbox, path, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams(fields).toString(),
  });
}

/** A token request of the demo's application; `undefined` leaves a field out. */
export async function askToken(
  sandbox: TestSandbox,
  changes: Readonly<Record<string, string | undefined>> = {},
  tenant: string = credentials.tenantId,
): Promise<EntraAnswer> {
  const fields: Record<string, string | undefined> = {
    grant_type: "client_credentials",
    client_id: credentials.clientId,
    client_secret: credentials.clientSecret,
    scope: "https://outlook.office365.com/.default",
    ...changes,
  };
  const given = Object.entries(fields).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return await postForm(sandbox, `/${tenant}/oauth2/v2.0/token`, Object.fromEntries(given));
}
