import { argon2Sync, randomBytes, timingSafeEqual } from "node:crypto";

/**
 * Passwords at rest: argon2id as a PHC string, `$argon2id$v=19$m=19456,t=2,p=1$SALT$HASH` (docs/decisions/0001-password-hash.md).
 *
 * RFC 9106 §4 names larger parameters as its choices; ours are the smallest of the OWASP list (19 MiB, 2 passes, 1 lane), 35 ms on one core,
 * because one gateway may see hundreds of devices log in at the same minute. Hashes with other parameters are verified as written.
 * These functions block: they run in the worker (password-worker.ts) or in a command, never on the main thread of a gateway.
 */
interface Parsed {
  readonly memory: number;
  readonly passes: number;
  readonly parallelism: number;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

const phc = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;

/** More than this would let a configuration stop the log-ins of everybody: 1 GiB. */
const maxMemoryKb = 1_048_576;

/** Whether `text` is a hash that `verifyPassword` takes. */
export function isPasswordHash(text: string): boolean {
  return parse(text) !== null;
}

/** A new hash with a salt of its own. */
export function hashPassword(password: string): string {
  const salt = randomBytes(16);
  const hash = derive(password, { memory: 19_456, passes: 2, parallelism: 1, salt }, 32);
  return `$argon2id$v=19$m=19456,t=2,p=1$${unpadded(salt)}$${unpadded(hash)}`;
}

/** False for a wrong password and for a hash that is none. */
export function verifyPassword(hash: string, password: string): boolean {
  const parsed = parse(hash);
  if (parsed === null) return false;
  return timingSafeEqual(derive(password, parsed, parsed.hash.length), parsed.hash);
}

function parse(text: string): Parsed | null {
  const match = phc.exec(text);
  if (match === null) return null;
  const [, m = "", t = "", p = "", salt = "", hash = ""] = match;
  const parsed = {
    memory: Number(m),
    passes: Number(t),
    parallelism: Number(p),
    salt: Buffer.from(salt, "base64"),
    hash: Buffer.from(hash, "base64"),
  };
  // RFC 9106 §3.1: at least 8 KiB a lane, a lane and a pass.
  if (parsed.passes < 1 || parsed.parallelism < 1 || parsed.memory < 8 * parsed.parallelism || parsed.memory > maxMemoryKb) return null;
  return parsed;
}

function derive(password: string, how: Omit<Parsed, "hash">, length: number): Buffer {
  return argon2Sync("argon2id", {
    message: password,
    nonce: how.salt,
    parallelism: how.parallelism,
    tagLength: length,
    memory: how.memory,
    passes: how.passes,
  });
}

/** PHC strings carry base64 without padding. */
function unpadded(bytes: Buffer): string {
  return bytes.toString("base64").replace(/=+$/, "");
}
