import { randomUUID, type webcrypto } from "node:crypto";
import { once } from "node:events";
import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, SignJWT, type JWK } from "jose";
import { createAuthority, createServerCertificate, type Certificate } from "../../src/lib/certificates.ts";
import { Dialer } from "../../src/lib/dial.ts";
import { HttpClient } from "../../src/lib/http/http-client.ts";
import { systemResolver } from "../../src/lib/resolver.ts";

/** An authority over HTTPS that answers as the test says, with real signed tokens; what a test cannot ask of the sandbox's Entra. */
export interface ScriptedAuthority extends AsyncDisposable {
  /** `https://login.example`; `http` leads there. */
  readonly url: string;
  readonly port: number;
  readonly ca: string;
  readonly requests: readonly {
    readonly path: string;
    readonly form: Readonly<Record<string, string>>;
    readonly headers: IncomingHttpHeaders;
  }[];
  /** Answers in the place of `answer`, byte by byte if it likes; null: `answer` does. */
  respond: ((response: ServerResponse) => void) | null;
  answer: (form: Readonly<Record<string, string>>, path: string) => Answer | Promise<Answer>;
  http(options?: { readonly proxy?: string; readonly ca?: string }): HttpClient;
  sign(
    claims: Readonly<Record<string, unknown>>,
    options?: { readonly expiresInS?: number; readonly issuer?: string; readonly audience?: string },
  ): Promise<string>;
  /** Other keys from now on. */
  rotateKeys(): Promise<void>;
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export const authorityTenant = "11111111-0000-4000-8000-000000000001";

export function token(accessToken: string, expiresInS = 3600, more: Readonly<Record<string, unknown>> = {}): Answer {
  return {
    status: 200,
    body: { token_type: "Bearer", expires_in: expiresInS, ext_expires_in: expiresInS, access_token: accessToken, ...more },
  };
}

/** As the facts of §12 show an error. */
export function aadsts(code: number, error = "invalid_client", quoted = ""): Answer {
  const description = `AADSTS${code}: said by the authority. ${quoted}`;
  return {
    status: 401,
    body: { error, error_description: description, error_codes: [code], trace_id: randomUUID(), correlation_id: randomUUID() },
  };
}

export async function scriptedAuthority(): Promise<ScriptedAuthority> {
  const root: Certificate = await createAuthority("test authority");
  const certificate = await createServerCertificate(root, ["login.example"]);
  const requests: ScriptedAuthority["requests"][number][] = [];
  let keys = await newKeys();
  const server = createServer(certificate, (request, response) => {
    const pieces: Buffer[] = [];
    request.on("data", (piece: Buffer) => pieces.push(piece));
    request.on("end", () => {
      const path = request.url ?? "";
      const form = Object.fromEntries(new URLSearchParams(Buffer.concat(pieces).toString("utf8")));
      requests.push({ path, form, headers: request.headers });
      const send = ({ status, body, headers = {} }: Answer) =>
        response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
      if (authority.respond !== null) authority.respond(response);
      else if (path.endsWith("/keys")) send({ status: 200, body: { keys: [keys.jwk] } });
      else void Promise.resolve(authority.answer(form, path)).then(send, () => response.destroy());
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const url = "https://login.example";
  const authority: ScriptedAuthority = {
    url,
    port,
    ca: root.cert,
    requests,
    respond: null,
    answer: () => token("token-1"),
    http: ({ proxy, ca = root.cert } = {}) =>
      new HttpClient({
        dialer: new Dialer(systemResolver, proxy === undefined ? new Map([["login.example:443", { host: "127.0.0.1", port }]]) : new Map()),
        allowPrivate: proxy !== undefined,
        ca,
        ...(proxy === undefined ? {} : { proxy }),
      }),
    async sign(claims, { expiresInS = 3600, issuer = `${url}/${authorityTenant}/v2.0`, audience = "https://outlook.office365.com" } = {}) {
      const now = Math.floor(Date.now() / 1000);
      return await new SignJWT({ tid: authorityTenant, ...claims })
        .setProtectedHeader({ alg: "RS256", kid: keys.kid, typ: "JWT" })
        .setIssuer(issuer)
        .setAudience(audience)
        .setIssuedAt(now)
        .setNotBefore(now - 10)
        .setExpirationTime(now + expiresInS)
        .sign(keys.privateKey);
    },
    async rotateKeys() {
      keys = await newKeys();
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  return authority;
}

async function newKeys(): Promise<{ readonly kid: string; readonly privateKey: webcrypto.CryptoKey; readonly jwk: JWK }> {
  const { privateKey, publicKey } = await generateKeyPair("RS256", { extractable: true });
  const kid = randomUUID();
  return { kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, use: "sig", alg: "RS256" } };
}
