import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { fastify, type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { ApiRoute } from "./api-route.ts";
import { errorBody, HttpFailure } from "./http-failure.ts";
import { describeApi, type ApiInfo } from "./openapi.ts";
import { guardRequest } from "./request-guard.ts";

/**
 * A Fastify server for our own JSON APIs (the sandbox's control API, the gateway's admin API): strict validation, one form of error, the Host
 * and Origin check, bounded bodies and times, and the OpenAPI document, all from the routes' schemas.
 */
export interface ApiServerOptions {
  readonly info: ApiInfo;
  readonly routes: readonly ApiRoute[];
  /** Names in Host besides loopback. */
  readonly hosts?: readonly string[];
  /** Octets of a request body. */
  readonly maxBody: number;
  /** A body of any media type is read as JSON, so that `curl -d` serves. Default: application/json only. */
  readonly anyMediaType?: boolean;
  /** A handler threw what is not a refusal: a bug, for the log. */
  readonly onFault: (error: unknown, where: string) => void;
}

/** How long a client may take to send a request (a slow one holds a connection, no more). */
const requestTimeoutMs = 30_000;

/** Not listening yet; more routes may be added before it does. */
export function createApiServer({ info, routes, hosts = [], maxBody, anyMediaType = false, onFault }: ApiServerOptions): FastifyInstance {
  const app = fastify({
    bodyLimit: maxBody,
    requestTimeout: requestTimeoutMs,
    // Streams that never end by themselves must not hold up a stop.
    forceCloseConnections: true,
    routerOptions: { querystringParser: parseQuery, maxParamLength: 200, ignoreTrailingSlash: false, caseSensitive: true },
    exposeHeadRoutes: true,
    logger: false,
  });
  const allowed = new Set(hosts.map((host) => host.toLowerCase()));
  app.addHook("onRequest", async (request, reply) => {
    const { host, origin } = request.headers;
    const fetchSite = request.headers["sec-fetch-site"];
    const verdict = guardRequest(
      { method: request.method, host, origin, fetchSite: Array.isArray(fetchSite) ? fetchSite[0] : fetchSite },
      allowed,
    );
    if (!verdict.ok) return await reply.code(403).send(errorBody(verdict.code, verdict.message));
    reply.header("x-content-type-options", "nosniff").header("cache-control", "no-store");
    return undefined;
  });
  useStrictValidation(app);
  readBodies(app, anyMediaType);
  app.setErrorHandler<FastifyError>((error, request, reply) => answerError(error, request, reply, onFault));
  app.setNotFoundHandler((request, reply) =>
    reply
      .code(404)
      .send(
        errorBody(
          "request.not-found",
          `There is no ${request.method} ${request.url.split("?", 1)[0]?.slice(0, 200)}; /openapi.json lists what there is.`,
        ),
      ),
  );
  for (const route of routes) addRoute(app, route);
  const document = describeApi(info, routes);
  app.get("/openapi.json", () => document);
  return app;
}

/** An empty parameter is an absent one, as forms send it (`?to=&limit=5`); of several with one name the last counts. */
function parseQuery(text: string): Record<string, string> {
  return Object.fromEntries([...new URLSearchParams(text)].filter(([, value]) => value !== ""));
}

function addRoute(app: FastifyInstance, route: ApiRoute): void {
  app.route({
    method: route.method,
    url: route.path.replace(/\{(\w+)\}/g, ":$1"),
    schema: {
      ...(route.params === undefined ? {} : { params: route.params }),
      ...(route.query === undefined ? {} : { querystring: route.query }),
      ...(route.body === undefined ? {} : { body: route.body }),
    },
    handler: async (request, reply) => await route.handle({ params: request.params, query: request.query, body: request.body }, reply),
  });
}

/** Text becomes numbers in the query only; a body is taken as it is or refused, never trimmed to fit (Fastify's default would do both). */
function useStrictValidation(app: FastifyInstance): void {
  let exact: Ajv2020 | undefined;
  let coercing: Ajv2020 | undefined;
  // The schemas are ours: holding them against the standard's own would compile that first, a tenth of a second of the first request.
  const options = { allErrors: false, strict: false, meta: false, validateSchema: false };
  // Compiled when a route is first asked for: all of them at the start would take a fifth of a second of every start.
  app.setValidatorCompiler(({ schema, httpPart }) => {
    let validate: ValidateFunction | undefined;
    const check = (data: unknown): boolean => {
      validate ??= (
        httpPart === "body" ? (exact ??= new Ajv2020(options)) : (coercing ??= new Ajv2020({ ...options, coerceTypes: true }))
      ).compile(schema as object);
      const valid = validate(data);
      check.errors = validate.errors ?? null;
      return valid;
    };
    check.errors = null as NonNullable<ValidateFunction["errors"]> | null;
    return check;
  });
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
}

/** No body is no body, whatever its media type says: many clients send one with every POST. */
function readBodies(app: FastifyInstance, anyMediaType: boolean): void {
  const parseJson = app.getDefaultJsonParser("error", "error");
  const wrongType = Object.assign(new Error("media type"), { statusCode: 415 });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<string>("application/json", { parseAs: "string" }, (request, body, done) =>
    body === "" ? done(null, undefined) : parseJson(request, body, done),
  );
  app.addContentTypeParser<string>("*", { parseAs: "string" }, (request, body, done) => {
    if (body === "") return done(null, undefined);
    return anyMediaType ? parseJson(request, body, done) : done(wrongType, undefined);
  });
}

function answerError(
  error: FastifyError,
  request: FastifyRequest,
  reply: FastifyReply,
  onFault: ApiServerOptions["onFault"],
): FastifyReply {
  if (error instanceof HttpFailure) return reply.code(error.status).send(errorBody(error.code, error.message));
  if (error.validation !== undefined) {
    const [first] = error.validation;
    const key = first?.params["additionalProperty"];
    const where = `${error.validationContext ?? "request"}${first?.instancePath ?? ""}`;
    return reply
      .code(400)
      .send(
        errorBody(
          "request.invalid",
          `${where} ${first?.message ?? "is not valid"}${typeof key === "string" ? ` (${key})` : ""}; /openapi.json shows what is.`,
        ),
      );
  }
  const status = error.statusCode ?? 500;
  if (status === 413) return reply.code(413).send(errorBody("request.too-large", "The body is too large."));
  if (status === 415) return reply.code(415).send(errorBody("request.media-type", "Send JSON, with Content-Type: application/json."));
  if (status >= 400 && status < 500) return reply.code(status).send(errorBody("request.invalid", error.message));
  onFault(error, `${request.method} ${request.routeOptions.url ?? request.url}`);
  return reply.code(500).send(errorBody("system.fault", "Something went wrong here: see the log, and report it."));
}
