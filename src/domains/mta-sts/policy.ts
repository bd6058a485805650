/** A policy as its domain published it (RFC 8461 §3.2). */
export interface StsPolicy {
  /** Of the TXT record by which it was found. */
  readonly id: string;
  readonly mode: "enforce" | "testing" | "none";
  /** Names, some with `*.` in front; lower case. */
  readonly mx: readonly string[];
  /** Seconds. */
  readonly maxAge: number;
  /** Policy-clock ms. */
  readonly fetchedAt: number;
}

/** The text is no policy. */
export class PolicyInvalid extends Error {
  override readonly name = "PolicyInvalid";
}

/**
 * @param text as served
 * @throws PolicyInvalid
 */
export async function parsePolicy(text: string, id: string, fetchedAt: number): Promise<StsPolicy> {
  // Each is compared with all the others when it is read.
  if (text.split("\n").length > maxLines) throw new PolicyInvalid(`more than ${maxLines} lines`);
  const { parsePolicy: parse } = await import("mailauth/lib/mta-sts.js");
  try {
    const {
      mode,
      mx = [],
      maxAge,
    } = parse(text, { strict: true }) as {
      readonly mode: StsPolicy["mode"];
      readonly mx?: readonly string[];
      readonly maxAge: number;
    };
    return { id, mode, mx, maxAge, fetchedAt };
  } catch (error) {
    throw new PolicyInvalid((error as Error).message, { cause: error });
  }
}

/** RFC 8461 §4.1: whether the policy lets mail go to this host; `*.` stands for exactly one label. @param host lower case, A-labels */
export function allowsHost(policy: Pick<StsPolicy, "mx">, host: string): boolean {
  const parent = host.indexOf(".");
  return policy.mx.some((allowed) => {
    const pattern = allowed.toLowerCase().replace(/\.$/, "");
    return pattern.startsWith("*.") ? parent > 0 && host.slice(parent) === pattern.slice(1) : pattern === host;
  });
}

const maxLines = 100;
