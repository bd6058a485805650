import { Type, type Static } from "typebox";

/** The part of the operator API (contract.ts) that `postern doctor` and `postern setup` speak. */
const time = (description: string) => Type.String({ format: "date-time", description });
const optional = Type.Optional;

export const doctorView = Type.Object({
  reports: Type.Array(
    Type.Object({
      route: Type.String(),
      kind: Type.String(),
      title: Type.String(),
      ok: Type.Boolean(),
      summary: Type.String({ description: "One sentence: what is missing, or that it works." }),
      steps: Type.Array(Type.Object({ name: Type.String(), ok: Type.Boolean(), text: Type.String() })),
      claims: Type.Union([
        Type.Null(),
        Type.Object({
          audience: Type.String(),
          tenant: Type.Union([Type.String(), Type.Null()]),
          clientId: Type.Union([Type.String(), Type.Null()]),
          objectId: Type.Union([Type.String(), Type.Null()]),
          roles: Type.Array(Type.String()),
          scopes: Type.Array(Type.String()),
          user: Type.Union([Type.String(), Type.Null()]),
          expiresAt: optional(time("Wall time.")),
        }),
      ]),
      findings: Type.Array(
        Type.Object({
          code: Type.String(),
          severity: Type.Enum(["problem", "warning"]),
          text: Type.String(),
          commands: Type.Array(Type.String()),
        }),
      ),
      notTried: Type.Array(Type.String(), { description: "What only a message would show." }),
    }),
  ),
});

export const rotationView = Type.Object({
  identity: Type.String(),
  kind: Type.String(),
  steps: Type.Array(Type.Object({ title: Type.String(), commands: Type.Array(Type.String()), check: optional(Type.String()) })),
});

/** Lines of the stream of /api/setup/login. */
export const signInView = Type.Object({
  tell: optional(Type.String({ description: "What the user must do." })),
  done: optional(Type.Boolean()),
  error: optional(Type.String()),
});

export type DoctorView = Static<typeof doctorView>;
export type RotationView = Static<typeof rotationView>;
export type SignInLine = Static<typeof signInView>;
