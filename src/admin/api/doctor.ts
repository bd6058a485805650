import { Type } from "typebox";
import { isoTime } from "../../lib/units.ts";
import { defineRoute, type ApiRoute } from "../../lib/http/api-route.ts";
import { doctorView, type DoctorView } from "../setup-contract.ts";
import type { DoctorReport } from "../doctor/examination.ts";
import type { Gateway } from "../gateway.ts";
import { answer, notFound } from "./answers.ts";

const timeoutMs = 300_000;

/** What is missing. */
export function doctorEndpoint(gateway: Gateway): ApiRoute {
  return defineRoute({
    method: "POST",
    path: "/api/doctor",
    summary: "Try routes up to but not including a message, and tell what is missing",
    body: Type.Object({ route: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })) }),
    answers: answer(doctorView),
    handle: async ({ body: { route } }): Promise<DoctorView> => {
      const reports = await gateway.doctor(route ?? null, AbortSignal.timeout(timeoutMs));
      if (reports === null) throw notFound(`there is no route ${route ?? ""}`);
      return { reports: reports.map(viewOf) };
    },
  });
}

function viewOf({ claims, findings, steps, notTried, ...rest }: DoctorReport): DoctorView["reports"][number] {
  return {
    ...rest,
    steps: steps.map((step) => ({ ...step })),
    claims:
      claims === null
        ? null
        : {
            audience: claims.audience,
            tenant: claims.tenant,
            clientId: claims.clientId,
            objectId: claims.objectId,
            roles: [...claims.roles],
            scopes: [...claims.scopes],
            user: claims.user,
            ...(claims.expiresAt === null ? {} : { expiresAt: isoTime(claims.expiresAt) }),
          },
    findings: findings.map((finding) => ({ ...finding, commands: [...finding.commands] })),
    notTried: [...notTried],
  };
}
