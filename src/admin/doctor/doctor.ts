/**
 * `postern doctor`: why does this route not send? For each route: a token is got and read, the way is tried up to but not including a
 * message (the route's own `probe`), the clock is compared with the authority's; findings.ts concludes what is missing and what to type.
 *
 * A token never leaves here, only what it says. Nothing is changed and nothing is sent; a log-in is made, as the route would; a route that
 * was left alone because of trouble, and works, is used again at once.
 */
import type { TokenSource } from "../../identity/tokens/token-source.ts";
import { TokenFailed } from "../../identity/tokens/token-source.ts";
import type { ProbeResult } from "../../routes/route.ts";
import { catalogue, isServiceKind } from "../../services/catalogue.ts";
import { profileAsOf } from "../../services/profile-as-of.ts";
import type { DoctorReport, Examination, Patient } from "./examination.ts";
import { findingsOf, notTried } from "./findings.ts";
import { readClaims } from "./read-claims.ts";

export interface DoctorDeps {
  readonly routes: readonly RouteFacts[];
  /** Tries a route; null: it is not open. */
  readonly probe: (name: string, signal: AbortSignal) => Promise<ProbeResult | null>;
  readonly identities: ReadonlyMap<string, TokenSource>;
  /** The clock of an identity's authority minus ours, ms; null: it has none, or it cannot be told. */
  readonly clockSkew: (identity: string, signal: AbortSignal) => Promise<number | null>;
  /** Wall-clock ms. */
  readonly now: () => number;
  /** `2026-11-21`, of the policy clock: what the catalogue is asked for. */
  readonly day: () => string;
}

/** What every kind of route may have of these. */
export interface RouteFacts {
  readonly name: string;
  readonly kind: string;
  readonly host?: string;
  readonly hosts?: readonly string[];
  readonly domain?: string;
  readonly port?: number;
  readonly auth?: {
    readonly user?: string;
    readonly resource?: string;
    readonly application?: string;
    readonly tenant?: string;
    readonly identity?: string;
    readonly scope?: string;
  };
}

/** One route, or all of them, one after the other; null: there is no such route. */
export async function consult(name: string | null, deps: DoctorDeps, signal: AbortSignal): Promise<readonly DoctorReport[] | null> {
  const chosen = name === null ? deps.routes : deps.routes.filter((route) => route.name === name);
  if (chosen.length === 0 && name !== null) return null;
  const reports: DoctorReport[] = [];
  for (const facts of chosen) {
    signal.throwIfAborted();
    reports.push(reportOf(await examine(facts, deps, signal)));
  }
  return reports;
}

async function examine(facts: RouteFacts, deps: DoctorDeps, signal: AbortSignal): Promise<Examination> {
  const patient = patientOf(facts, deps.day());
  const source = patient.identity === null ? undefined : deps.identities.get(patient.identity);
  const token = source === undefined ? ({ state: "none" } as const) : await getToken(source, patient.scope ?? "", signal);
  const clockSkewMs = source === undefined ? null : await deps.clockSkew(source.name, signal);
  const probe = (await deps.probe(facts.name, signal)) ?? { ok: false, text: "the route is not open", steps: [] };
  return { patient, identity: source?.status() ?? null, token, clockSkewMs, probe, failure: probe.failure?.code ?? null, now: deps.now() };
}

export function patientOf({ name, kind, host, hosts, domain, port, auth }: RouteFacts, day: string): Patient {
  const service = isServiceKind(kind) ? catalogue[kind] : null;
  const profile = service === null ? null : profileAsOf(service, day);
  const composed = auth?.resource === undefined ? null : [auth.resource, auth.application, auth.tenant].join(".");
  return {
    name,
    kind,
    service,
    host: host ?? hosts?.[0] ?? profile?.hosts[0] ?? domain ?? null,
    port: port ?? profile?.ports[0] ?? (kind === "smtp" ? 25 : null),
    user: auth?.user ?? composed,
    identity: auth?.identity ?? null,
    scope: auth?.scope ?? profile?.tokenScope ?? null,
  };
}

async function getToken(source: TokenSource, scope: string, signal: AbortSignal): Promise<Examination["token"]> {
  source.forgive();
  try {
    const { token, expiresAt } = await source.token(scope, signal);
    const claims = await readClaims(token);
    return claims === null ? { state: "opaque", expiresAt } : { state: "read", claims };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof TokenFailed)) throw error;
    return { state: "failed", code: error.code, text: error.message };
  }
}

function reportOf(examination: Examination): DoctorReport {
  const { patient, token, probe, clockSkewMs } = examination;
  const findings = findingsOf(examination);
  const problem = findings.find(({ severity }) => severity === "problem");
  const { name, kind, service } = patient;
  const place = patient.host === null ? "" : `, ${patient.host}${patient.port === null ? "" : `:${patient.port}`}`;
  return {
    route: name,
    kind,
    title: `${name} (${service?.title ?? kind}${place})`,
    ok: problem === undefined,
    summary: problem?.text ?? probe.text,
    steps: [...tokenSteps(examination), ...probe.steps, ...(clockSkewMs === null ? [] : [clockStep(clockSkewMs)])],
    claims: token.state === "read" ? token.claims : null,
    findings,
    notTried: notTried(examination),
  };
}

type Step = DoctorReport["steps"][number];

function tokenSteps({ token, identity, now }: Examination): readonly Step[] {
  const by =
    identity === null
      ? ""
      : ` by identity ${identity.name} (${identity.kind}${identity.worksWith === null ? "" : `, ${identity.worksWith}`})`;
  switch (token.state) {
    case "none":
      return [];
    case "failed":
      return [{ name: "token", ok: false, text: token.text }];
    case "opaque":
      return [{ name: "token", ok: true, text: `got${by}; it is not readable, and ends in ${minutes(token.expiresAt - now)}` }];
    case "read": {
      const { audience, clientId, tenant, roles, scopes, user, expiresAt } = token.claims;
      const permissions = [...roles, ...scopes];
      const whom = user === null ? `application ${clientId ?? "?"}` : `${user} through application ${clientId ?? "?"}`;
      const end = expiresAt === null ? "" : `, ends in ${minutes(expiresAt - now)}`;
      return [
        {
          name: "token",
          ok: true,
          text: `got${by}: ${whom} of tenant ${tenant ?? "?"}, for ${audience}, ${permissions.length === 0 ? "no permissions" : permissions.join(", ")}${end}`,
        },
      ];
    }
  }
}

function clockStep(skewMs: number): Step {
  const ok = Math.abs(skewMs) <= 60_000;
  return { name: "clock", ok, text: `${Math.round(skewMs / 1000)} s from the authority's` };
}

function minutes(ms: number): string {
  return `${Math.round(ms / 60_000)} min`;
}
