import type { TSchema } from "typebox";
import type { ApiAnswer } from "../../lib/http/api-route.ts";
import { HttpFailure } from "../../lib/http/http-failure.ts";

/** The one positive answer that each call of the operator API has. */
export function answer(schema: TSchema): Readonly<Record<number, ApiAnswer>> {
  return { 200: { description: "Done.", schema } };
}

export function notFound(message: string): HttpFailure {
  return new HttpFailure(404, "request.not-found", message);
}

export function badRequest(message: string): HttpFailure {
  return new HttpFailure(400, "request.invalid", message);
}
