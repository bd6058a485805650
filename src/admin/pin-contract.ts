import { Type, type Static } from "typebox";

/** Pins in the operator API. */
const pinAddress = Type.String({
  minLength: 1,
  maxLength: 320,
  description: "Address pattern: `user@domain`, `@domain`, `@*.domain`, `<>`, `*`.",
});
export const pinBody = Type.Object({
  route: Type.String({ minLength: 1, maxLength: 200 }),
  message: Type.Optional(
    Type.String({ minLength: 1, maxLength: 1000, description: "One message that waits: our id or its Message-ID. The pin ends with it." }),
  ),
  principal: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
  from: Type.Optional(pinAddress),
  to: Type.Optional(pinAddress),
  forMs: Type.Optional(Type.Integer({ minimum: 1000, description: "How long; absent: until it is removed." })),
});
export const pinView = Type.Object({
  id: Type.String(),
  route: Type.String(),
  message: Type.Optional(Type.String({ description: "Our id." })),
  principal: Type.Optional(Type.String()),
  from: Type.Optional(Type.String()),
  to: Type.Optional(Type.String()),
  by: Type.String(),
  at: Type.String({ description: "ISO 8601." }),
  until: Type.Optional(Type.String({ description: "ISO 8601; absent: until it is removed." })),
});
export type PinView = Static<typeof pinView>;
