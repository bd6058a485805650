import type { GatewayConfig } from "./gateway-config.ts";
import type { Report } from "./load.ts";

/** Shorter keys could be found by trying. ACS's own have 64 bytes. */
const shortestKey = 16;

/** A signature names no key: each must lead to one principal. */
export function checkAcsKeys({ principals }: Pick<GatewayConfig, "principals">, report: Report): void {
  const owners = new Map<string, string>();
  principals.forEach(({ name, acsKeys = [] }, index) =>
    acsKeys.forEach((key, n) => {
      const path = ["principals", index, "acsKeys", n];
      const bytes = Buffer.from(key, "base64");
      if (bytes.toString("base64") !== key)
        report("error", path, "is not base64", "Give what stands after `accesskey=` in the connection string.");
      else if (bytes.length < shortestKey)
        report("error", path, `has fewer than ${shortestKey} bytes`, "Make one: openssl rand -base64 64 | tr -d '\\n'.");
      const other = owners.get(key);
      if (other !== undefined)
        report(
          "error",
          path,
          "the same key is given twice",
          `Principal ${other} has it; each needs keys of its own, for a signature names none.`,
        );
      else owners.set(key, name);
    }),
  );
}
