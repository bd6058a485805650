import type {
  AuthenticationResult,
  Configuration,
  ConfidentialClientApplication,
  INetworkModule,
  NetworkRequestOptions,
  NetworkResponse,
  PublicClientApplication,
} from "@azure/msal-node";
import { HttpFailed, type HttpClient } from "../../lib/http/http-client.ts";
import { entraErrors, oauthErrors } from "./entra-errors.ts";
import { TokenFailed, type AccessToken } from "./token-source.ts";

/**
 * One request for a token, through Microsoft's library (msal-node) over our own HTTP client: so that proxy, authorities to trust, refusal
 * of private addresses and bounds are those of everything else that goes out.
 *
 * The library gets the endpoints told instead of discovering them: two requests less, and no other host is asked about a sovereign or
 * emulated authority. It caches nothing (cached-source.ts does) and repeats nothing; what it throws is replaced by what the authority
 * answered, as a code that we know the meaning of. 87 ms to load: imported with the first request.
 */
export interface EntraPlace {
  readonly identity: string;
  readonly authority: string;
  readonly tenant: string;
  readonly clientId: string;
  readonly http: HttpClient;
  readonly timeoutMs: number;
  /** Wall-clock ms. */
  readonly now: () => number;
}

export type EntraCredential =
  | { readonly clientSecret: string }
  | { readonly clientCertificate: { readonly thumbprintSha256: string; readonly privateKey: string; readonly x5c: string } };

export interface EntraAnswer extends AccessToken {
  /** Delegated: what to ask the next token with. */
  readonly refreshToken: string | null;
  /** Delegated: who signed in, if the authority says so. */
  readonly userName: string | null;
}

type Ask<App> = (app: App) => Promise<AuthenticationResult | null>;

/** Asks as a confidential client. @throws TokenFailed; or the signal's reason */
export async function askEntra(
  place: EntraPlace,
  credential: EntraCredential,
  ask: Ask<ConfidentialClientApplication>,
  signal: AbortSignal,
): Promise<EntraAnswer> {
  const { ConfidentialClientApplication } = await import("@azure/msal-node");
  return run(place, signal, (network) => ask(new ConfidentialClientApplication(configuration(place, network, credential))));
}

/** Asks as a public client, for users. */
export async function askEntraPublicly(place: EntraPlace, ask: Ask<PublicClientApplication>, signal: AbortSignal): Promise<EntraAnswer> {
  const { PublicClientApplication } = await import("@azure/msal-node");
  return run(place, signal, (network) => ask(new PublicClientApplication(configuration(place, network))));
}

export function entraEndpoints({ authority, tenant }: Pick<EntraPlace, "authority" | "tenant">) {
  const base = `${authority.replace(/\/+$/, "")}/${tenant}`;
  return { base, token: `${base}/oauth2/v2.0/token`, authorize: `${base}/oauth2/v2.0/authorize`, keys: `${base}/discovery/v2.0/keys` };
}

function configuration(place: EntraPlace, network: INetworkModule, credential?: EntraCredential): Configuration {
  const { base, token, authorize, keys } = entraEndpoints(place);
  return {
    auth: {
      clientId: place.clientId,
      authority: base,
      knownAuthorities: [new URL(base).host],
      authorityMetadata: JSON.stringify({
        issuer: `${base}/v2.0`,
        token_endpoint: token,
        authorization_endpoint: authorize,
        jwks_uri: keys,
      }),
      ...credential,
    },
    system: {
      networkClient: network,
      disableInternalRetries: true,
      loggerOptions: { piiLoggingEnabled: false, loggerCallback: () => undefined },
    },
  };
}

async function run(
  place: EntraPlace,
  signal: AbortSignal,
  ask: (network: INetworkModule) => Promise<AuthenticationResult | null>,
): Promise<EntraAnswer> {
  const network = new EntraNetwork(place, signal);
  try {
    const result = await ask(network);
    const expiresIn = Number(network.last?.body["expires_in"]);
    // RFC 6749 §5.1: expires_in is recommended only; a token of unknown life would be asked for again and again.
    if (result === null || result.accessToken === "" || !(expiresIn > 0)) throw new TypeError("no token, or no end of it");
    return {
      token: result.accessToken,
      // By our own clock, from when the answer came: the authority's may differ.
      expiresAt: place.now() + Math.min(expiresIn * 1000, longestLifeMs),
      userName: textOf(result.account?.username),
      refreshToken: textOf(network.last?.body["refresh_token"]),
    };
  } catch (error) {
    signal.throwIfAborted();
    throw network.explain(error);
  }
}

class EntraNetwork implements INetworkModule {
  readonly #place: EntraPlace;
  readonly #signal: AbortSignal;
  last: { readonly status: number; readonly body: Readonly<Record<string, unknown>>; readonly retryAfter: string | undefined } | null =
    null;
  failure: HttpFailed | null = null;

  constructor(place: EntraPlace, signal: AbortSignal) {
    this.#place = place;
    this.#signal = signal;
  }

  sendGetRequestAsync<T>(url: string, options?: NetworkRequestOptions): Promise<NetworkResponse<T>> {
    return this.#send("GET", url, options);
  }

  sendPostRequestAsync<T>(url: string, options?: NetworkRequestOptions): Promise<NetworkResponse<T>> {
    return this.#send("POST", url, options);
  }

  explain(error: unknown): TokenFailed {
    const { identity, authority } = this.#place;
    if (this.failure !== null) return new TokenFailed("unreachable", `identity ${identity}: ${this.failure.message}`, true);
    const { last } = this;
    if (last === null || last.status < 400) {
      // The library's own complaint may quote what it was given, a private key for instance; its code does not.
      const code =
        textOf((error as { readonly errorCode?: unknown } | null)?.errorCode) ?? textOf((error as Error | null)?.name) ?? "error";
      return new TokenFailed("unexpected", `identity ${identity}: no token could be had (${printable(code)})`, false);
    }
    const retryAfterMs = last.retryAfter === undefined ? null : retryAfter(last.retryAfter, this.#place.now());
    const word = textOf(last.body["error"]);
    const code = aadsts(last.body);
    const known = code === null ? undefined : entraErrors[code];
    if (known !== undefined)
      return new TokenFailed(
        code ?? "",
        `identity ${identity}: ${known.text} (${code}). ${known.remedy}`,
        known.temporary === true,
        retryAfterMs,
      );
    const busy = last.status === 429 || last.status >= 500;
    if (busy)
      return new TokenFailed(
        code ?? `http-${last.status}`,
        `identity ${identity}: ${authority} answers ${last.status}`,
        true,
        retryAfterMs,
      );
    const meaning = word === null ? undefined : oauthErrors[word];
    const named = code ?? (meaning === undefined ? `http-${last.status}` : word) ?? "";
    return new TokenFailed(
      named,
      `identity ${identity}: ${meaning ?? "the authority refused"} (${named})`,
      word === "temporarily_unavailable",
      retryAfterMs,
    );
  }

  async #send<T>(method: "GET" | "POST", url: string, options: NetworkRequestOptions = {}): Promise<NetworkResponse<T>> {
    const { http, timeoutMs } = this.#place;
    try {
      const { status, headers, body } = await http.request(
        { method, url, headers: options.headers ?? {}, ...(options.body === undefined ? {} : { body: options.body }), timeoutMs, maxBytes },
        this.#signal,
      );
      const parsed = parse(body);
      this.last = { status, body: parsed, retryAfter: headers["retry-after"] };
      return { status, headers: { ...headers }, body: parsed as T };
    } catch (error) {
      if (error instanceof HttpFailed) this.failure = error;
      throw error;
    }
  }
}

const maxBytes = 256 * 1024;
const longestLifeMs = 24 * 3_600_000;

function parse(body: Buffer): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(body.toString("utf8"));
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** `AADSTS7000215`, from `error_codes` or from the beginning of the description. */
function aadsts(body: Readonly<Record<string, unknown>>): string | null {
  const codes: unknown = body["error_codes"];
  const first: unknown = Array.isArray(codes) ? codes[0] : undefined;
  if (typeof first === "number" && Number.isSafeInteger(first)) return `AADSTS${first}`;
  return /^AADSTS\d{4,9}/.exec(textOf(body["error_description"]) ?? "")?.[0] ?? null;
}

/** RFC 9110 §10.2.3: seconds, or a date. */
export function retryAfter(text: string, now: number): number | null {
  const ms = /^\d{1,6}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  return Number.isFinite(ms) && ms > 0 ? ms : null;
}

function textOf(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

function printable(text: string): string {
  return text.slice(0, 60).replace(/[^\w.-]/g, "?");
}
