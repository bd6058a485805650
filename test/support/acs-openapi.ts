import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";

const folder = join(import.meta.dirname, "../../../shared/spec/acs-email");

/** The published OpenAPI document of ACS Email; null where the collection of specifications does not lie beside the project. */
export function acsOpenApi(): AcsOpenApi | null {
  const file = join(folder, "2025-09-01/CommunicationServicesEmail.json");
  if (!existsSync(file)) return null;
  const read = (path: string) => JSON.parse(readFileSync(path, "utf8")) as Document;
  const [document, common] = [read(file), read(join(folder, "common-types-v1/types.json"))];
  // References to the other file become references here, and what is not in the document is no part of an answer.
  const definitions = JSON.parse(
    JSON.stringify({ ...common.definitions, ...document.definitions }).replaceAll(/"[^"]*types\.json#/g, '"#'),
  ) as Record<string, { properties?: object }>;
  for (const definition of Object.values(definitions))
    if (definition.properties !== undefined) Object.assign(definition, { additionalProperties: false });
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  const checks = new Map<string, ValidateFunction>();
  return {
    faults(method, path, status, headers, body) {
      const operation =
        document.paths[path.startsWith("/emails/operations/") ? "/emails/operations/{operationId}" : path]?.[method.toLowerCase()];
      if (operation === undefined) return [`no operation ${method} ${path}`];
      const answer = operation.responses[String(status)] ?? (status >= 400 ? operation.responses["default"] : undefined);
      if (answer === undefined) return [`no answer ${status}`];
      const name = answer.schema.$ref.split("/").at(-1) ?? "";
      const check = checks.get(name) ?? ajv.compile({ $ref: `#/definitions/${name}`, definitions });
      checks.set(name, check);
      const faults = check(body) ? [] : [ajv.errorsText(check.errors)];
      for (const [header, { type }] of Object.entries(answer.headers)) {
        const value = headers[header.toLowerCase()];
        if (value === undefined) {
          // "only present when the status is a non-terminal status"
          const wanted = header !== "retry-after" || (body as { status?: string }).status === "Running";
          if (wanted) faults.push(`no header ${header}`);
        } else if (type === "integer" && !/^\d+$/.test(value)) faults.push(`${header} is no integer`);
      }
      return faults;
    },
    example(name) {
      const { parameters } = JSON.parse(readFileSync(join(folder, `2025-09-01/examples/${name}.json`), "utf8")) as {
        parameters: Record<string, unknown>;
      };
      return parameters;
    },
  };
}

export interface AcsOpenApi {
  /** What of an answer is not as the document says. Names of headers in lower case. */
  faults(method: string, path: string, status: number, headers: Readonly<Record<string, string>>, body: unknown): readonly string[];
  example(name: string): Readonly<Record<string, unknown>>;
}

interface Document {
  readonly definitions: Record<string, object>;
  readonly paths: Record<string, Record<string, Operation | undefined> | undefined>;
}

interface Operation {
  readonly responses: Record<
    string,
    { readonly schema: { readonly $ref: string }; readonly headers: Record<string, { readonly type: string }> } | undefined
  >;
}
