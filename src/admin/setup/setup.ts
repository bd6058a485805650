import type { GatewayConfig } from "../../config/config.ts";
import type { TokenIdentityOptions } from "../../identity/tokens/options.ts";
import type { TokenSource } from "../../identity/tokens/token-source.ts";
import { patientOf } from "../doctor/doctor.ts";
import type { Patient } from "../doctor/examination.ts";
import type { SetupControl } from "../gateway.ts";
import { rotationPlan, type PlanStep } from "./rotation-plan.ts";

export interface Rotation {
  readonly identity: string;
  readonly kind: string;
  readonly steps: readonly PlanStep[];
}

export interface SetupDeps {
  readonly config: Pick<GatewayConfig, "routes" | "identities">;
  readonly identities: ReadonlyMap<string, TokenSource>;
  readonly signIn: (identity: string, scope: string, tell: (line: string) => void, signal: AbortSignal) => Promise<void>;
  /** Tries a route; when it works, it is used again at once. */
  readonly probe: (route: string, signal: AbortSignal) => Promise<unknown>;
  /** `2026-11-21`: what the catalogue is asked for. */
  readonly day: () => string;
}

/** There is nothing to set up there. */
export class SetupRefused extends Error {
  override readonly name = "SetupRefused";
}

/** What `postern setup ROUTE --rotate` and `--login` ask of the gateway. */
export function createSetup({ config, identities, signIn, probe, day }: SetupDeps): SetupControl {
  const find = (name: string): { readonly patient: Patient; readonly identity: TokenIdentityOptions; readonly source: TokenSource } => {
    const route = config.routes.find((each) => each.name === name);
    if (route === undefined) throw new SetupRefused(`there is no route ${name}`);
    const patient = patientOf(route, day());
    const identity = config.identities.find((each) => each.name === patient.identity);
    const source = identities.get(patient.identity ?? "");
    if (identity === undefined || source === undefined)
      throw new SetupRefused(
        patient.user === null
          ? `route ${name} does not log in`
          : `route ${name} logs in with a password: put the new one where its \`auth.secret\` refers to, and start Postern again`,
      );
    return { patient, identity, source };
  };
  return {
    rotation(name) {
      const { identity, source } = find(name);
      return { identity: identity.name, kind: identity.kind, steps: rotationPlan(name, identity, source.status()) };
    },
    async signIn(name, tell, signal) {
      const { patient, identity } = find(name);
      if (identity.kind !== "device-code" && identity.kind !== "authorization-code")
        throw new SetupRefused(`identity ${identity.name} is of kind ${identity.kind}: nobody has to sign in for it`);
      await signIn(identity.name, patient.scope ?? "", tell, signal);
      // Mail that waited for this goes now, not when the next try would have been due.
      const others = config.routes.filter((each) => patientOf(each, day()).identity === identity.name);
      await Promise.all(others.map((each) => probe(each.name, signal)));
    },
  };
}
