import type { FastifyReply } from "fastify";
import type { Static, TObject, TSchema } from "typebox";

/** One operation of an HTTP API: what it takes and gives as schemas, from which validation and the OpenAPI document follow, and its handler. */
export interface ApiRoute {
  readonly method: "GET" | "POST" | "DELETE" | "PUT" | "PATCH";
  /** As OpenAPI writes it: `/api/messages/{id}`. */
  readonly path: string;
  readonly summary: string;
  readonly description?: string;
  /** Strings only, as they stand in the path. */
  readonly params?: TObject;
  /** Flat; numbers and booleans are read from their text. */
  readonly query?: TObject;
  /** A JSON body. Nothing in it is coerced, removed or filled in. */
  readonly body?: TSchema;
  readonly answers: Readonly<Record<number, ApiAnswer>>;
  /** What it returns is sent as JSON; undefined when it has answered by `reply` itself. */
  readonly handle: (request: ApiRequest, reply: FastifyReply) => unknown;
}

export interface ApiAnswer {
  readonly description: string;
  /** JSON of this shape. Absent with a mediaType: that, as it is; without: no content. */
  readonly schema?: TSchema;
  readonly mediaType?: string;
}

export interface ApiRequest {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
}

type Part<S> = S extends TSchema ? Static<S> : undefined;

/** Defines a route so that its handler sees what its schemas say. */
export function defineRoute<
  P extends TObject | undefined = undefined,
  Q extends TObject | undefined = undefined,
  B extends TSchema | undefined = undefined,
>(
  route: Omit<ApiRoute, "params" | "query" | "body" | "handle"> & {
    readonly params?: P;
    readonly query?: Q;
    readonly body?: B;
    readonly handle: (
      request: { readonly params: Part<P>; readonly query: Part<Q>; readonly body: Part<B> },
      reply: FastifyReply,
    ) => unknown;
  },
): ApiRoute {
  // The validator has made the unknown parts what the schemas say before a handler is called.
  return route as unknown as ApiRoute;
}
