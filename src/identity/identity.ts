import type { Clock } from "../lib/clock.ts";
import { CidrTable, parseCidr, type Cidr } from "../lib/cidr.ts";
import { TokenBucket } from "../lib/rate.ts";
import type { FailureCode } from "../mail/failure-codes.ts";
import { CredentialCache } from "./credential-cache.ts";
import { LockOut, type LockOutLimits } from "./lock-out.ts";
import type { IdentityOptions, NetworkOptions, UserOptions } from "./options.ts";
import { LoginBook, loginKey, principalByKey, type Password } from "./login-book.ts";
import { PasswordVerifier } from "./password-verifier.ts";
import type { Principal } from "./principal.ts";
import type { TokenBearer, TokenVerifier } from "./token-verifier.ts";

/**
 * Who submits, and whether they may.
 *
 * Promises: a password is checked off the main thread; an unknown name costs as much time as a known one; what waits is bounded ("busy"
 * otherwise); failures slow down and lock out by address and by (address, principal), never a principal everywhere, and never from an
 * address it is familiar with as long as its credential stays the same; memory is bounded.
 * Does not promise: that the rates survive a restart, nor that familiar addresses do.
 * Times are policy-clock ms.
 */
export class Identity implements AsyncDisposable {
  readonly #clock: Clock;
  readonly #passwords: PasswordVerifier;
  readonly #tokens: TokenVerifier | null;
  #book: Book;
  #generation = 0;
  #cache = new CredentialCache();
  readonly #lockOut: LockOut;
  readonly #dummyHash: Promise<string>;

  /** @throws Error for what config/ should have refused: a hash or network that is none, a name used twice. */
  constructor(options: IdentityOptions, deps: IdentityDeps) {
    this.#clock = deps.clock;
    this.#passwords = deps.passwords ?? new PasswordVerifier();
    this.#tokens = deps.tokens ?? null;
    this.#lockOut = new LockOut(deps.lockOutLimits);
    this.#book = this.#read(options, null);
    // Hashed even without users, or a gateway without principals would answer faster than one with.
    this.#dummyHash = settled(this.#passwords.hash("no such principal"));
  }

  /** Whether `logInWithToken` can ever succeed. */
  get takesTokens(): boolean {
    return this.#tokens !== null;
  }

  /** Changes with every `reconfigure`: a principal found before may be another one now, or nobody. */
  get generation(): number {
    return this.#generation;
  }

  /**
   * Other networks and principals from now on. Locks stay, and so does the state of rates that are the same; a password that changed is
   * believed no longer, also where it was verified a moment ago.
   *
   * @throws Error as the constructor does; nothing is changed then.
   */
  reconfigure(options: IdentityOptions): void {
    const before = this.#book;
    this.#book = this.#read(options, before);
    this.#generation++;
    const changed = [...before.users].some(([name, { secrets }]) => this.#book.users.get(name)?.secrets !== secrets);
    if (changed) this.#cache = new CredentialCache();
  }

  /** The trusted network an address belongs to, the most specific first; null when none is trusted on this listener. */
  networkOf(address: string, listener: string): Principal | null {
    for (const network of this.#book.table.find(address))
      if (network.listeners === null || network.listeners.has(listener)) return network.principal;
    return null;
  }

  /** Whether an address belongs to the network of this name (without its `net:`). */
  isInNetwork(address: string, name: string): boolean {
    return this.#book.table.find(address).some((network) => network.principal.name === `net:${name}`);
  }

  principal(name: string): Principal | null {
    return this.#book.users.get(key(name))?.principal ?? this.#book.networks.get(name) ?? null;
  }

  /** Checks a password or key. Never longer than the bounded line before the worker takes. */
  async logIn(name: string, password: string, address: string): Promise<LogIn> {
    const now = this.#clock.now();
    const user = loginKey(name);
    const login = this.#book.logins.find(name);
    const owner = principalByKey(login, password);
    if (owner !== null) return this.#logInByKey(user, owner, password, address, now);
    const known = login?.password ?? null;
    const digest = this.#cache.digest(user, password);
    const locked = this.#lockOut.isLocked(address, user, now);
    if (known !== null) {
      const good = locked ? this.#cache.isFamiliar(address, user, digest) : this.#cache.isFresh(digest, now);
      const principal = this.#user(known.principal);
      if (good && principal !== null) {
        this.#cache.seen(address, user, digest);
        return { ok: true, principal };
      }
    }
    if (locked) return this.#lockedOut();
    const good = await this.#passwords.verify(await (known?.hash ?? this.#dummyHash), password);
    if (good === "busy") return { ok: false, code: "submission.busy", delayMs: 0 };
    // Others may have failed while this one waited in line: their answer counts, or a flood of parallel guesses would all be answered.
    if (this.#lockOut.isLocked(address, user, this.#clock.now())) return this.#lockedOut();
    // The configuration may have changed in between, and with it the password or whose it is.
    const present = this.#book.logins.find(name)?.password ?? null;
    const principal = present === null ? null : this.#user(present.principal);
    if (!good || known === null || present === null || principal === null || !samePassword(present.given, known.given)) {
      return this.#failed(user, address);
    }
    this.#lockOut.succeeded(address, user);
    this.#cache.remember(address, user, digest, this.#clock.now());
    return { ok: true, principal };
  }

  /** The key fits. A lock holds all the same, but not from where this very key is used. */
  #logInByKey(user: string, owner: string, secret: string, address: string, now: number): LogIn {
    const principal = this.#user(owner);
    // Several principals may share the name: each is familiar for itself.
    const pair = `${user}\0${owner}`;
    const digest = this.#cache.digest(pair, secret);
    const locked = this.#lockOut.isLocked(address, user, now);
    if (principal === null || (locked && !this.#cache.isFamiliar(address, pair, digest))) return this.#lockedOut();
    // One's own key must not clear what was guessed about somebody else's password under the same name.
    const guarded = this.#book.logins.find(user)?.password?.principal;
    if (!locked && (guarded === undefined || guarded === owner)) this.#lockOut.succeeded(address, user);
    this.#cache.seen(address, pair, digest);
    return { ok: true, principal };
  }

  /**
   * Whose signing key a signature was made with; null: nobody's. Every key is tried, whether or not one fits, so that time tells nothing.
   *
   * @param fits compares in constant time
   */
  principalBySigningKey(fits: (key: Buffer) => boolean): Principal | null {
    let found: Principal | null = null;
    for (const { principal, key: secret } of this.#book.signingKeys) if (fits(secret)) found = principal;
    return found;
  }

  /** Whom a bearer token stands for. Nobody guesses a token, so failures lock nobody out: many clients may come from one proxy's address. */
  async principalByToken(token: string, signal: AbortSignal): Promise<Principal | null | "busy"> {
    const bearer = this.#tokens === null ? null : await this.#tokens.verify(token, signal);
    if (bearer === null || bearer === "busy") return bearer;
    return this.#userOf(bearer, "")?.principal ?? null;
  }

  #user(name: string): Principal | null {
    return this.#book.users.get(key(name))?.principal ?? null;
  }

  /** Checks a bearer token. */
  async logInWithToken(name: string, token: string, address: string, signal: AbortSignal): Promise<LogIn> {
    if (this.#lockOut.isLocked(address, key(name), this.#clock.now())) return this.#lockedOut();
    const bearer = this.#tokens === null ? null : await this.#tokens.verify(token, signal);
    if (bearer === "busy") return { ok: false, code: "submission.busy", delayMs: 0 };
    const user = bearer === null ? undefined : this.#userOf(bearer, name);
    if (user === undefined) return this.#failed(name, address);
    // A token of one's own under somebody else's name must not clear what was guessed about that name.
    if (key(name) === key(user.principal.name)) this.#lockOut.succeeded(address, key(name));
    return { ok: true, principal: user.principal };
  }

  /** Counts messages against the principal's rate: 0 when they may go, else the ms until they might (nothing is counted then). */
  admit(principal: Principal, messages = 1): number {
    return this.#book.rates.get(principal.name)?.take(this.#clock.now(), messages) ?? 0;
  }

  /** Gives back what `admit` took for messages that did not come. */
  giveBack(principal: Principal, messages = 1): void {
    this.#book.rates.get(principal.name)?.giveBack(messages);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#passwords[Symbol.asyncDispose]();
  }

  #lockedOut(): LogIn {
    return { ok: false, code: "submission.locked-out", delayMs: this.#lockOut.lockedDelay() };
  }

  /** Of several principals that the bearer may be, the one that the client names; naming none of them is good enough when there is one. */
  #userOf(bearer: TokenBearer, name: string): User | undefined {
    const named = this.#book.users.get(key(name));
    if (named !== undefined && isFor(bearer, named)) return named;
    const all = [...this.#book.tokenUsers.values()].filter((user) => isFor(bearer, user));
    return all.length === 1 ? all[0] : undefined;
  }

  #failed(name: string, address: string): LogIn {
    return {
      ok: false,
      code: "submission.bad-credentials",
      delayMs: this.#lockOut.failed(address, key(name), this.#clock.now()),
    };
  }

  #read({ principals, networks }: IdentityOptions, before: Book | null): Book {
    const book: Book = {
      users: new Map(),
      tokenUsers: new Map(),
      logins: new LoginBook(),
      signingKeys: [],
      hashes: new Map(),
      networks: new Map(),
      table: new CidrTable([]),
      rates: new Map(),
    };
    for (const options of principals) this.#addUser(book, options, before);
    return { ...book, table: this.#readNetworks(book, networks, before) };
  }

  #addUser(book: Book, options: UserOptions, before: Book | null): void {
    if (book.users.has(key(options.name))) throw new Error(`two principals are named ${options.name}`);
    // What was hashed before need not be hashed again.
    const hashOf = (password: Password): Promise<string> => {
      if (typeof password !== "string") return Promise.resolve(password.hash);
      const known = before?.hashes.get(password) ?? settled(this.#passwords.hash(password));
      book.hashes.set(password, known);
      return known;
    };
    book.logins.add(options, hashOf);
    const principal: Principal = {
      name: options.name,
      kind: "user",
      ...fenceOf(options),
      ...(options.xsmtpapi === true ? { xsmtpapi: true } : {}),
    };
    for (const secret of options.acsKeys ?? []) book.signingKeys.push({ principal, key: Buffer.from(secret, "base64") });
    const user: User = { principal, secrets: JSON.stringify([options.password, options.logins]), tokens: options.tokens ?? [] };
    book.users.set(key(options.name), user);
    if (user.tokens.length > 0) book.tokenUsers.set(key(options.name), user);
    this.#addRate(book, principal, before);
  }

  #readNetworks(book: Book, networks: readonly NetworkOptions[], before: Book | null): CidrTable<Network> {
    const rows: (readonly [Cidr, Network])[] = [];
    for (const options of networks) {
      const principal: Principal = {
        name: `net:${options.name}`,
        kind: "network",
        ...fenceOf(options),
      };
      if (book.networks.has(principal.name)) throw new Error(`two networks are named ${options.name}`);
      book.networks.set(principal.name, principal);
      this.#addRate(book, principal, before);
      const network: Network = {
        principal,
        listeners: options.listeners === undefined ? null : new Set(options.listeners),
      };
      for (const text of options.addresses) {
        const cidr = parseCidr(text);
        if (cidr === null) throw new Error(`${text} of network ${options.name} is not a network`);
        rows.push([cidr, network]);
      }
    }
    return new CidrTable(rows);
  }

  #addRate(book: Book, { name, rate }: Principal, before: Book | null): void {
    if (rate === undefined) return;
    const old = (before?.users.get(key(name))?.principal ?? before?.networks.get(name))?.rate;
    const same = old?.messages === rate.messages && old.perMs === rate.perMs;
    const bucket = same ? before?.rates.get(name) : undefined;
    book.rates.set(name, bucket ?? new TokenBucket(rate.messages, rate.perMs, this.#clock.now()));
  }
}

export interface IdentityDeps {
  readonly clock: Clock;
  readonly passwords?: PasswordVerifier;
  readonly tokens?: TokenVerifier;
  readonly lockOutLimits?: LockOutLimits;
}

/** What a log-in came to. `delayMs`: how long the answer should wait, so that guessing is slow. */
export type LogIn =
  | { readonly ok: true; readonly principal: Principal }
  | { readonly ok: false; readonly code: LogInFailure; readonly delayMs: number };

export type LogInFailure = Extract<FailureCode, "submission.bad-credentials" | "submission.locked-out" | "submission.busy">;

/** What one configuration says; exchanged as a whole. */
interface Book {
  readonly users: Map<string, User>;
  /** Those of them that tokens may stand for. */
  readonly tokenUsers: Map<string, User>;
  readonly logins: LoginBook;
  /** Of every principal, each of its keys. */
  readonly signingKeys: { readonly principal: Principal; readonly key: Buffer }[];
  /** Of passwords that the configuration has in plain. */
  readonly hashes: Map<string, Promise<string>>;
  readonly networks: Map<string, Principal>;
  readonly table: CidrTable<Network>;
  readonly rates: Map<string, TokenBucket>;
}

interface User {
  readonly principal: Principal;
  /** What it logs in with, to see a change. */
  readonly secrets: string;
  readonly tokens: NonNullable<UserOptions["tokens"]>;
}

interface Network {
  readonly principal: Principal;
  readonly listeners: ReadonlySet<string> | null;
}

/** Names are compared without case, as people type them. */
function key(name: string): string {
  return name.toLowerCase();
}

function isFor(bearer: TokenBearer, { tokens }: User): boolean {
  return tokens.some(({ application, user }) =>
    bearer.kind === "application"
      ? application?.toLowerCase() === bearer.clientId
      : user !== undefined && bearer.names.includes(user.toLowerCase()),
  );
}

function samePassword(a: Password, b: Password): boolean {
  return typeof a === "object" && typeof b === "object" ? a.hash === b.hash : a === b;
}

type Fence = Omit<Principal, "name" | "kind">;

function fenceOf(options: NetworkOptions | UserOptions): Fence {
  const { reversePaths, authors, recipients, rate, maxRecipients, maxMessageSize, priority } = options;
  return {
    reversePaths,
    ...(authors !== undefined && { authors }),
    ...(recipients !== undefined && { recipients }),
    ...(rate !== undefined && { rate }),
    ...(maxRecipients !== undefined && { maxRecipients }),
    ...(maxMessageSize !== undefined && { maxMessageSize }),
    ...(priority !== undefined && { priority }),
  };
}

/** A rejection that nobody awaits yet must not end the process; whoever awaits it later sees it. */
function settled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}
