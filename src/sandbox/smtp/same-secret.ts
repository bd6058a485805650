import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

/** Whether two secrets are the same; how long it takes tells nothing about where they differ. */
export function sameSecret(given: string, expected: string): boolean {
  const key = randomBytes(32);
  const digest = (text: string): Buffer => createHmac("sha256", key).update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}
