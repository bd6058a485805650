import { HttpFailed, type HttpClient, type HttpResponse } from "../../lib/http/http-client.ts";
import { SecretUnreadable } from "../../lib/secret-reader.ts";
import { retryAfter } from "./entra-client.ts";
import type { Grant } from "./grant.ts";
import type { ManagedIdentityOptions } from "./options.ts";
import { TokenFailed, type AccessToken } from "./token-source.ts";

/**
 * The identity that Azure gives to a machine or container: one GET to an endpoint that only it can reach. In two forms: instance metadata
 * (link-local, header `Metadata: true`) and IDENTITY_ENDPOINT with X-IDENTITY-HEADER (App Service, Container Apps). Not through msal: its
 * endpoint cannot be configured, and is remembered for the process.
 *
 * https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token
 */
export interface ManagedIdentityDeps {
  readonly http: HttpClient;
  readonly timeoutMs: number;
  /** Wall-clock ms. */
  readonly now: () => number;
  readonly env: (name: string) => string | undefined;
}

const instanceMetadata = "http://169.254.169.254/metadata/identity/oauth2/token";

export function managedIdentityGrant(options: ManagedIdentityOptions, deps: ManagedIdentityDeps): Grant {
  const { name, clientId } = options;
  const endpoint = () => options.endpoint ?? deps.env("IDENTITY_ENDPOINT") ?? instanceMetadata;
  // IDENTITY_HEADER belongs to IDENTITY_ENDPOINT and is shown to nobody else.
  const ownHeader = () =>
    options.endpoint === undefined && deps.env("IDENTITY_ENDPOINT") !== undefined ? deps.env("IDENTITY_HEADER") : undefined;
  return {
    kind: "managed-identity",
    get authority() {
      return endpoint();
    },
    tenant: null,
    clientId: clientId ?? null,
    async ask(scope, signal) {
      const header = options.header === undefined ? ownHeader() : readHeader(name, options.header);
      const query = new URLSearchParams({
        resource: scope.replace(/\/\.default$/, ""),
        "api-version": header === undefined ? "2018-02-01" : "2019-08-01",
      });
      if (clientId !== undefined) query.set("client_id", clientId);
      let answer: HttpResponse;
      try {
        answer = await deps.http.request(
          {
            url: `${endpoint()}?${query.toString()}`,
            headers: header === undefined ? { metadata: "true" } : { "x-identity-header": header },
            timeoutMs: deps.timeoutMs,
            maxBytes: 256 * 1024,
            allowPrivate: true,
          },
          signal,
        );
      } catch (error) {
        if (!(error instanceof HttpFailed)) throw error;
        throw new TokenFailed(
          "unreachable",
          `identity ${name}: ${error.message}; a managed identity exists only on a machine of Azure`,
          true,
        );
      }
      return readAnswer(name, answer, deps.now());
    },
    fingerprint: () => `${endpoint()} ${ownHeader() === undefined ? "" : "header"}`,
    credentialExpiresAt: () => null,
    worksWith: () => null,
  };
}

function readHeader(name: string, header: NonNullable<ManagedIdentityOptions["header"]>): string {
  try {
    return header.read();
  } catch (error) {
    if (!(error instanceof SecretUnreadable)) throw error;
    throw new TokenFailed("no-secret", `identity ${name}: ${error.message}`, false);
  }
}

function readAnswer(name: string, { status, headers, body }: HttpResponse, now: number): AccessToken {
  if (status === 200) {
    const token = readToken(body, now);
    if (token !== null) return token;
    throw new TokenFailed("unexpected", `identity ${name}: the endpoint's answer holds no token`, true);
  }
  const wait = retryAfter(headers["retry-after"] ?? "", now);
  switch (status) {
    case 400:
      throw new TokenFailed("http-400", `identity ${name}: this machine has no such identity; assign it, or check clientId`, false);
    case 401:
    case 403:
      throw new TokenFailed(`http-${status}`, `identity ${name}: the endpoint refused (${status}); check endpoint and header`, false);
    default:
      // 404 and 410 are given while the service restarts.
      throw new TokenFailed(`http-${status}`, `identity ${name}: the endpoint answers ${status}`, true, wait);
  }
}

function readToken(body: Buffer, now: number): AccessToken | null {
  try {
    const value = JSON.parse(body.toString("utf8")) as Readonly<Record<string, unknown>>;
    const { access_token: token, expires_on: on, expires_in: seconds } = value;
    if (typeof token !== "string" || token === "") return null;
    const expiresAt = Number.isFinite(Number(on)) && Number(on) > 0 ? Number(on) * 1000 : now + (Number(seconds) || 3600) * 1000;
    return { token, expiresAt };
  } catch {
    return null;
  }
}
