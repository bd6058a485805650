import { readFile } from "node:fs/promises";
import { LruMap } from "../../lib/lru.ts";
import { removeHalfWritten, replaceFile } from "../../lib/replace-file.ts";
import type { StsPolicy } from "./policy.ts";

/**
 * Known policies, in memory and in one file that is replaced as a whole a moment after a change: a policy forgotten by a restart would be a
 * chance for an attacker (RFC 8461 §10.2). A file that cannot be read is as good as none; one that cannot be written is told.
 */
export class PolicyCache implements AsyncDisposable {
  readonly #file: string;
  readonly #onTrouble: (where: string, error: unknown) => void;
  readonly #policies = new LruMap<string, StsPolicy>(maxPolicies);
  /** `domain id` of fetches that failed, and when. */
  readonly #failures = new LruMap<string, number>(maxPolicies);
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();

  private constructor(file: string, onTrouble: (where: string, error: unknown) => void) {
    this.#file = file;
    this.#onTrouble = onTrouble;
  }

  static async open(file: string, onTrouble: (where: string, error: unknown) => void): Promise<PolicyCache> {
    const cache = new PolicyCache(file, onTrouble);
    try {
      removeHalfWritten(file);
      for (const [domain, policy] of readEntries(await readFile(file, "utf8"))) cache.#policies.set(domain, policy);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") onTrouble(`reading ${file}`, error);
    }
    return cache;
  }

  /** null: none, or one that has expired. */
  get(domain: string, now: number): StsPolicy | null {
    const policy = this.#policies.get(domain);
    if (policy === undefined || now >= policy.fetchedAt + policy.maxAge * 1000) return null;
    return policy;
  }

  set(domain: string, policy: StsPolicy): void {
    this.#policies.set(domain, policy);
    this.#timer ??= setTimeout(() => this.#write(), writeAfterMs).unref();
  }

  fail(domain: string, id: string, now: number): void {
    this.#failures.set(`${domain} ${id}`, now);
  }

  /** RFC 8461 §3.3: not more often than every five minutes. */
  failedLately(domain: string, id: string, now: number): boolean {
    const at = this.#failures.peek(`${domain} ${id}`);
    return at !== undefined && now >= at && now - at < againMs;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#timer !== undefined) this.#write();
    await this.#writing;
  }

  #write(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing = this.#writing.then(() => this.#replace()).catch((error: unknown) => this.#onTrouble(`writing ${this.#file}`, error));
  }

  async #replace(): Promise<void> {
    const text = JSON.stringify({ version: 1, policies: Object.fromEntries(this.#policies.entries()) });
    await replaceFile(this.#file, text);
  }
}

/** At worst 25 KB each. */
const maxPolicies = 5000;
const writeAfterMs = 1000;
const againMs = 300_000;

function readEntries(text: string): readonly (readonly [string, StsPolicy])[] {
  const { version, policies } = JSON.parse(text) as { readonly version?: unknown; readonly policies?: unknown };
  if (version !== 1 || typeof policies !== "object" || policies === null) throw new Error("not a file of MTA-STS policies");
  return Object.entries(policies).filter((entry): entry is [string, StsPolicy] => isPolicy(entry[1]));
}

function isPolicy(value: unknown): value is StsPolicy {
  const { id, mode, mx, maxAge, fetchedAt } = (value ?? {}) as Partial<Record<keyof StsPolicy, unknown>>;
  return (
    typeof id === "string" &&
    (mode === "enforce" || mode === "testing" || mode === "none") &&
    Array.isArray(mx) &&
    mx.every((name) => typeof name === "string") &&
    typeof maxAge === "number" &&
    typeof fetchedAt === "number"
  );
}
