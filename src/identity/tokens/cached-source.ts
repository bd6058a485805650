import { unlessAborted } from "../../lib/unless-aborted.ts";
import type { Grant } from "./grant.ts";
import { TokenFailed, type AccessToken, type TokenSource, type TokenSourceStatus } from "./token-source.ts";

/**
 * A TokenSource over a Grant: what every identity has in common.
 *
 * A token is asked for once however many wait; refreshed 20 minutes before its end (High Volume Email refuses what ends soon, 5.7.142), in
 * the background from a few minutes before that, so that nobody waits as long as the authority answers. While renewing fails, what is still
 * good is handed out. A failure is remembered: a wrong secret is tried again after 30 s, 1 min, … 5 min, or at once when it changed.
 * Times are wall time, as a token's life is.
 */
export class CachedSource implements TokenSource {
  readonly name: string;
  readonly grant: Grant;
  readonly #options: CachedSourceOptions;
  readonly #tokens = new Map<string, Held>();
  readonly #asking = new Map<string, Promise<AccessToken>>();
  readonly #failures = new Map<string, Failure>();
  readonly #stop = new AbortController();
  #done = 0;
  #failed = 0;
  #lastError: TokenSourceStatus["lastError"] = null;

  constructor(name: string, grant: Grant, options: CachedSourceOptions) {
    this.name = name;
    this.grant = grant;
    this.#options = options;
  }

  async token(scope: string, signal: AbortSignal): Promise<AccessToken> {
    signal.throwIfAborted();
    const now = this.#options.now();
    const held = this.#tokens.get(scope);
    if (held !== undefined && now < held.refreshAt) return held.token;
    if (held !== undefined && now < held.neededAt) {
      // Whoever comes in these minutes need not wait; a failure is remembered and told by status().
      if (this.#heldOff(scope, now) === null) this.#renew(scope).catch(() => undefined);
      return held.token;
    }
    try {
      const earlier = this.#heldOff(scope, now);
      if (earlier !== null) throw earlier;
      return await unlessAborted(this.#renew(scope), signal);
    } catch (error) {
      signal.throwIfAborted();
      if (held !== undefined && this.#tokens.get(scope) === held && this.#options.now() < held.token.expiresAt - leastLifeMs)
        return held.token;
      throw error;
    }
  }

  reject(scope: string, token: string): void {
    if (this.#tokens.get(scope)?.token.token === token) this.#tokens.delete(scope);
  }

  status(): TokenSourceStatus {
    const { kind, authority, tenant, clientId } = this.grant;
    return {
      name: this.name,
      kind,
      authority,
      tenant,
      clientId,
      credentialExpiresAt: this.grant.credentialExpiresAt(),
      worksWith: this.grant.worksWith(),
      renewals: { done: this.#done, failed: this.#failed },
      lastError: this.#lastError,
      tokens: [...this.#tokens].map(([scope, { token }]) => ({ scope, expiresAt: token.expiresAt })),
    };
  }

  forgive(): void {
    this.#failures.clear();
  }

  /** What was kept is worth nothing any more: somebody signed in anew. */
  forget(): void {
    this.#tokens.clear();
    this.#failures.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new TokenFailed("closed", `identity ${this.name}: Postern is stopping`, true));
    await Promise.allSettled(this.#asking.values());
    this.#tokens.clear();
  }

  /** The failure that still counts, or null when it may be tried. */
  #heldOff(scope: string, now: number): TokenFailed | null {
    const failure = this.#failures.get(scope);
    if (failure === undefined || now >= failure.until || now < failure.at) return null;
    return failure.fingerprint === this.grant.fingerprint() ? failure.error : null;
  }

  #renew(scope: string): Promise<AccessToken> {
    const running = this.#asking.get(scope);
    if (running !== undefined) return running;
    const asked = this.#ask(scope).finally(() => this.#asking.delete(scope));
    this.#asking.set(scope, asked);
    return asked;
  }

  async #ask(scope: string): Promise<AccessToken> {
    const fingerprint = this.grant.fingerprint();
    const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(this.#options.timeoutMs)]);
    try {
      const token = await this.grant.ask(scope, signal);
      this.#keep(scope, token);
      return token;
    } catch (error) {
      this.#stop.signal.throwIfAborted();
      const failed = this.#asTokenFailed(error, signal.aborted);
      const now = this.#options.now();
      const before = this.#failures.get(scope);
      const count = before?.fingerprint === fingerprint ? before.count + 1 : 1;
      const pauseMs = Math.max(
        Math.min(firstPauseMs * 2 ** Math.min(10, count - 1), longestPauseMs),
        Math.min(failed.retryAfterMs ?? 0, 3_600_000),
      );
      this.#failures.set(scope, { at: now, until: now + pauseMs, count, fingerprint, error: failed });
      this.#failed++;
      this.#lastError = { at: now, code: failed.code, text: failed.message };
      this.#options.log?.tokenFailed(this.name, scope, failed.code, failed.message);
      throw failed;
    }
  }

  #keep(scope: string, token: AccessToken): void {
    const now = this.#options.now();
    const life = token.expiresAt - now;
    // A token that lives less than 40 minutes is renewed at half of its life.
    const neededAt = token.expiresAt - Math.min(aheadMs, life / 2);
    const refreshAt = neededAt - Math.min(backgroundMs, life / 8) * (0.5 + this.#options.random() / 2);
    this.#tokens.set(scope, { token, refreshAt, neededAt });
    this.#failures.delete(scope);
    this.#lastError = null;
    this.#done++;
    this.#options.log?.tokenRenewed(this.name, scope, token.expiresAt);
  }

  #asTokenFailed(error: unknown, late: boolean): TokenFailed {
    if (error instanceof TokenFailed) return error;
    if (late) return new TokenFailed("timeout", `identity ${this.name}: no answer in ${this.#options.timeoutMs} ms`, true);
    this.#options.log?.fault(`identity ${this.name}`, error);
    return new TokenFailed("fault", `identity ${this.name}: a fault of Postern's own`, true);
  }
}

export interface CachedSourceOptions {
  /** Wall-clock ms. */
  readonly now: () => number;
  /** 0 to 1, so that many gateways do not come at once. */
  readonly random: () => number;
  readonly timeoutMs: number;
  readonly log?: TokenLog;
}

/** The facts that identities tell. */
export interface TokenLog {
  tokenRenewed(identity: string, scope: string, expiresAt: number): void;
  tokenFailed(identity: string, scope: string, code: string, text: string): void;
  credentialExpires(identity: string, expiresAt: number, daysLeft: number): void;
  fault(where: string, error: unknown): void;
}

interface Held {
  readonly token: AccessToken;
  /** From then on it is renewed in the background. */
  readonly refreshAt: number;
  /** From then on it is waited for. */
  readonly neededAt: number;
}

interface Failure {
  readonly at: number;
  readonly until: number;
  readonly count: number;
  readonly fingerprint: string;
  readonly error: TokenFailed;
}

const aheadMs = 20 * 60_000;
const backgroundMs = 5 * 60_000;
/** With less life left a token is of no use to anybody. */
const leastLifeMs = 60_000;
const firstPauseMs = 30_000;
const longestPauseMs = 300_000;
