import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { SecretUnreadable } from "../../lib/secret-reader.ts";
import { askEntra, askEntraPublicly, entraEndpoints, type EntraAnswer, type EntraPlace } from "./entra-client.ts";
import type { DelegatedOptions } from "./options.ts";
import type { RefreshTokenStore } from "./refresh-token-store.ts";
import { TokenFailed } from "./token-source.ts";

/**
 * A user signs in once, so that Postern may send for them. By device code (RFC 8628): they type a code on any machine. By authorisation code
 * (RFC 6749 §4.1) with PKCE (RFC 7636) and a redirect to loopback (RFC 8252 §7.3): their browser runs on this machine. What is kept is the
 * refresh token, encrypted.
 *
 * @param tell what the user must do, one line
 * @throws TokenFailed; or the signal's reason
 */
export async function signIn(
  options: DelegatedOptions,
  place: EntraPlace,
  store: RefreshTokenStore,
  scope: string,
  tell: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const answer =
    options.kind === "device-code" ? await byDeviceCode(place, scope, tell, signal) : await byBrowser(options, place, scope, tell, signal);
  if (answer.refreshToken === null)
    throw new TokenFailed(
      "no-refresh-token",
      `identity ${options.name}: the authority gave no refresh token; the application needs offline_access`,
      false,
    );
  const { userName } = answer;
  if (options.user !== undefined && userName !== null && userName.toLowerCase() !== options.user.toLowerCase())
    throw new TokenFailed(
      "other-user",
      `identity ${options.name}: ${printable(userName)} signed in, but ${options.user} is expected`,
      false,
    );
  await store.write(options.name, answer.refreshToken);
}

async function byDeviceCode(place: EntraPlace, scope: string, tell: (line: string) => void, signal: AbortSignal): Promise<EntraAnswer> {
  return await askEntraPublicly(
    place,
    (app) => {
      const request = {
        scopes: [scope],
        cancel: false,
        deviceCodeCallback: ({ verificationUri, userCode }: { readonly verificationUri: string; readonly userCode: string }) =>
          tell(`Open ${printable(verificationUri)} in a browser and type the code ${printable(userCode)}`),
      };
      // msal looks at it before each poll.
      signal.addEventListener("abort", () => (request.cancel = true), { once: true });
      return app.acquireTokenByDeviceCode(request);
    },
    signal,
  );
}

type BrowserOptions = Extract<DelegatedOptions, { readonly kind: "authorization-code" }>;

async function byBrowser(
  options: BrowserOptions,
  place: EntraPlace,
  scope: string,
  tell: (line: string) => void,
  signal: AbortSignal,
): Promise<EntraAnswer> {
  const state = randomBytes(16).toString("base64url");
  const verifier = randomBytes(32).toString("base64url");
  const challenge = createHash("sha256").update(verifier).digest("base64url");
  const found = Promise.withResolvers<string>();
  found.promise.catch(() => undefined);
  const server = createServer((request, response) => {
    const result = readRedirect(request, state);
    response.setHeader("content-type", "text/plain; charset=utf-8");
    if (result === null) return void response.writeHead(404).end("Nothing here.\n");
    response.end("error" in result ? "Not signed in. Look at the terminal.\n" : "Signed in. You can close this window.\n");
    if ("error" in result) found.reject(new TokenFailed(result.error, `identity ${options.name}: not signed in (${result.error})`, false));
    else found.resolve(result.code);
  });
  server.listen(options.redirectPort ?? 0, "127.0.0.1");
  await once(server, "listening", { signal });
  const onAbort = () => found.reject(signal.reason as Error);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    // RFC 8252 §8.3 prefers the literal address; Entra takes any port with `localhost` only.
    const redirectUri = `http://localhost:${(server.address() as AddressInfo).port}`;
    const query = new URLSearchParams({
      client_id: options.clientId,
      response_type: "code",
      redirect_uri: redirectUri,
      response_mode: "query",
      scope: `${scope} offline_access`,
      state,
      code_challenge: challenge,
      code_challenge_method: "S256",
      ...(options.user === undefined ? {} : { login_hint: options.user }),
    });
    tell(`Open ${entraEndpoints(place).authorize}?${query.toString()} in a browser on this machine`);
    const code = await found.promise;
    const request = { scopes: [scope], redirectUri, code, codeVerifier: verifier };
    if (options.clientSecret === undefined) return await askEntraPublicly(place, (app) => app.acquireTokenByCode(request), signal);
    return await askEntra(place, { clientSecret: options.clientSecret.read() }, (app) => app.acquireTokenByCode(request), signal);
  } catch (error) {
    if (!(error instanceof SecretUnreadable)) throw error;
    throw new TokenFailed("no-secret", `identity ${options.name}: ${error.message}`, false);
  } finally {
    signal.removeEventListener("abort", onAbort);
    server.close();
    server.closeAllConnections();
  }
}

/** RFC 6749 §10.12: what does not bring our state is not the answer, whoever sends it. */
function readRedirect({ method, url = "" }: IncomingMessage, state: string): { readonly code: string } | { readonly error: string } | null {
  if (method !== "GET" || url.length > 8192) return null;
  const query = new URL(url, "http://localhost").searchParams;
  if (query.get("state") !== state) return null;
  const code = query.get("code");
  return code !== null && code !== "" ? { code } : { error: printable(query.get("error") ?? "no-code") };
}

function printable(text: string): string {
  return text.slice(0, 300).replace(/[^\x21-\x7e]/g, "?");
}
