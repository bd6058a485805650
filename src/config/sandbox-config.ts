import { SandboxSchema, type SandboxFile } from "../sandbox/options.ts";
import { plain, type Schema } from "./kinds.ts";
import { checkOverrides } from "./services-section.ts";
import { loadFile, parseConfig, type Loaded, type LoadOptions, type Report } from "./load.ts";

/**
 * sandbox.yaml. The defaults of ports are left out when it is parsed: they follow the port offset, which the file does not know.
 */
export const sandboxSchema: Schema = plain(SandboxSchema);

/** Reads the sandbox's configuration, or nothing at all; throws ConfigError with every fault. */
export function loadSandboxConfig(file: string | null, options?: LoadOptions): Loaded<SandboxFile> {
  const schema = withoutPortDefaults(sandboxSchema);
  return file === null
    ? parseConfig("{}", "sandbox.yaml", ".", schema, checkServices, options)
    : loadFile(file, schema, checkServices, options);
}

function checkServices({ services = {} }: SandboxFile, report: Report): void {
  checkOverrides(services, report);
}

function withoutPortDefaults(schema: Schema): Schema {
  const ports = schema.properties?.["ports"];
  if (ports === undefined) return schema;
  const properties: Record<string, Schema> = {};
  for (const [name, property] of Object.entries(ports.properties ?? {})) {
    const { default: fallback, ...rest } = property;
    properties[name] = fallback === undefined ? property : rest;
  }
  return { ...schema, properties: { ...schema.properties, ports: { ...ports, properties } } };
}
