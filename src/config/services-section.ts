import { allFacts, factGroups } from "../services/catalogue.ts";
import { valueFault, type OverrideSections } from "../services/overrides.ts";
import { nearest, type Path } from "./fault.ts";
import type { Schema } from "./kinds.ts";
import type { Report } from "./load.ts";

const overrideSchema: Schema = {
  type: "object",
  description: "What holds instead of the published value.",
  properties: {
    value: { description: "The value, of the kind that the fact has; `unlimited` lifts a limit." },
    reason: { type: "string", minLength: 1, maxLength: 500, description: "Why, for whoever finds it later." },
  },
  required: ["value", "reason"],
  additionalProperties: false,
};

const names = factGroups;

/** What the operator knows better than the catalogue. */
export const servicesSchema: Schema = {
  type: "object",
  description:
    "Published values of the services that are different here, such as a limit that support has raised. By service, then by fact: `hve: { recipients-per-message: { value: 40, reason: … } }`. docs/reference/services.md lists them; `postern routes show` tells what holds.",
  properties: Object.fromEntries(
    names.map((name) => [name, { type: "object", description: `Facts of ${name}.`, default: {}, additionalProperties: overrideSchema }]),
  ),
  additionalProperties: false,
};

/** Each override names a fact that exists, and its value is of the fact's kind. */
export function checkOverrides(sections: OverrideSections, report: Report): void {
  const facts = new Map(allFacts().map((fact) => [fact.id, fact]));
  for (const [service, entries] of Object.entries(sections)) {
    for (const [name, override] of Object.entries(entries ?? {})) {
      const path: Path = ["services", service, name];
      const fact = facts.get(`${service}.${name}`);
      if (fact === undefined) {
        const known = [...facts.keys()].filter((id) => id.startsWith(`${service}.`)).map((id) => id.slice(service.length + 1));
        const near = nearest(name, known);
        report(
          "error",
          path,
          `${service} has no fact ${name}`,
          near === null ? `There are: ${known.join(", ")}.` : `Did you mean ${near}?`,
          true,
        );
        continue;
      }
      const fault = valueFault(fact, override.value);
      if (fault !== null) report("error", [...path, "value"], fault, `It is about: ${fact.title}.`);
    }
  }
}
