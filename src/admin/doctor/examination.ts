import type { FailureCode } from "../../mail/failure-codes.ts";
import type { ProbeResult } from "../../routes/route.ts";
import type { Service } from "../../services/service.ts";
import type { TokenSourceStatus } from "../../identity/tokens/token-source.ts";

/** A route as the doctor sees it: what of its options concerns connection and log-in. */
export interface Patient {
  readonly name: string;
  readonly kind: string;
  /** null: no service of the catalogue. */
  readonly service: Service | null;
  readonly host: string | null;
  readonly port: number | null;
  readonly user: string | null;
  readonly identity: string | null;
  readonly scope: string | null;
}

/** What a token says about itself. Not verified: whom it was given to need not be told, and it is not believed for anything. */
export interface Claims {
  readonly audience: string;
  readonly tenant: string | null;
  readonly clientId: string | null;
  /** Object id: of the enterprise application, or of the user. */
  readonly objectId: string | null;
  readonly roles: readonly string[];
  readonly scopes: readonly string[];
  readonly user: string | null;
  /** Wall-clock ms. */
  readonly expiresAt: number | null;
}

/** Everything that was found out about one route. */
export interface Examination {
  readonly patient: Patient;
  readonly identity: TokenSourceStatus | null;
  readonly token:
    | { readonly state: "none" }
    | { readonly state: "failed"; readonly code: string; readonly text: string }
    | { readonly state: "opaque"; readonly expiresAt: number }
    | { readonly state: "read"; readonly claims: Claims };
  /** The authority's clock minus ours, ms; null: unknown. */
  readonly clockSkewMs: number | null;
  readonly probe: ProbeResult;
  /** Why the probe failed; null when it did not. */
  readonly failure: FailureCode | null;
  /** Wall-clock ms. */
  readonly now: number;
}

export interface Finding {
  /** Stable: `permission-missing`, `port-blocked`, … */
  readonly code: string;
  readonly severity: "problem" | "warning";
  /** One sentence. */
  readonly text: string;
  /** What to type, in order; `#` begins a remark. */
  readonly commands: readonly string[];
}

export interface DoctorReport {
  readonly route: string;
  readonly kind: string;
  readonly title: string;
  readonly ok: boolean;
  /** One sentence. */
  readonly summary: string;
  readonly steps: ProbeResult["steps"];
  readonly claims: Claims | null;
  readonly findings: readonly Finding[];
  /** What cannot be seen without sending a message. */
  readonly notTried: readonly string[];
}
