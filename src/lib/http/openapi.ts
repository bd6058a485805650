import { Type, type TObject, type TSchema } from "typebox";
import type { ApiAnswer, ApiRoute } from "./api-route.ts";

/** OpenAPI 3.1 takes JSON Schema as it is (dialect 2020-12), so a route's schemas go in unchanged. */
export interface ApiInfo {
  readonly title: string;
  readonly version: string;
  readonly description: string;
}

export const ErrorSchema = Type.Object({
  error: Type.Object({
    code: Type.String({ description: "Stable: programs may compare it." }),
    message: Type.String({ description: "What is wrong and what to do, for people." }),
  }),
});

/** The document for `/openapi.json`. */
export function describeApi(info: ApiInfo, routes: readonly ApiRoute[]): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const operations = (paths[route.path] ??= {});
    operations[route.method.toLowerCase()] = describeRoute(route);
  }
  return { openapi: "3.1.0", info, paths, components: { schemas: { Error: ErrorSchema } } };
}

function describeRoute(route: ApiRoute): object {
  const parameters = [...describeParameters(route.params, "path"), ...describeParameters(route.query, "query")];
  return {
    operationId: operationId(route),
    summary: route.summary,
    ...(route.description === undefined ? {} : { description: route.description }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(route.body === undefined ? {} : { requestBody: { required: true, content: { "application/json": { schema: route.body } } } }),
    responses: {
      ...Object.fromEntries(Object.entries(route.answers).map(([status, answer]) => [status, describeAnswer(answer)])),
      default: { description: "Refused, or failed.", content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } } },
    },
  };
}

function describeParameters(schema: TObject | undefined, place: "path" | "query"): object[] {
  const required = new Set<string>(schema?.required ?? []);
  return Object.entries<TSchema>(schema?.properties ?? {}).map(([name, property]) => {
    const { description, ...rest } = property as TSchema & { description?: string };
    return {
      name,
      in: place,
      required: place === "path" || required.has(name),
      ...(description === undefined ? {} : { description }),
      schema: rest,
    };
  });
}

function describeAnswer({ description, schema, mediaType }: ApiAnswer): object {
  if (schema === undefined && mediaType === undefined) return { description };
  return { description, content: { [mediaType ?? "application/json"]: schema === undefined ? {} : { schema } } };
}

/** `GET /api/messages/{id}/raw` becomes `getApiMessagesIdRaw`. */
function operationId({ method, path }: ApiRoute): string {
  const words = path.split(/[^A-Za-z0-9]+/).filter((word) => word !== "");
  return method.toLowerCase() + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
}
