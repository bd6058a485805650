import type { FactView, RuleView, ServiceFactsView } from "../admin/service-facts.ts";

/** What is published about a service, as lines: each fact with what holds, where that stands, and what was or will be said otherwise. */
export function describeFacts({ service, title, route, asOf, knownOn, facts }: ServiceFactsView): string[] {
  return [
    `${route === undefined ? "" : `${route}: `}${title} (${service}), as of ${asOf}${knownOn === undefined ? "" : `, as known on ${knownOn}`}`,
    ...facts.flatMap(describeFact),
  ];
}

function describeFact({ id, title, text, published, overridden, upcoming, withdrawn }: FactView): string[] {
  const name = id.slice(id.indexOf(".") + 1);
  return [
    "",
    `${title} (${name}): ${text}`,
    ...(overridden === undefined ? [] : [`  overridden in the configuration: ${overridden.reason}`]),
    ...(published === null
      ? ["  nothing is published for that day"]
      : [
          `  ${overridden === undefined ? "" : `published: ${published.text}; `}${period(published)}${sourceOf(published)}`,
          ...(published.note === undefined ? [] : [`  ${published.note}`]),
        ]),
    ...upcoming.flatMap((rule) => [`  from ${rule.validFrom ?? "then"}: ${rule.text} (${sourceOf(rule)})`, ...noteOf(rule)]),
    ...withdrawn.flatMap((rule) => [
      `  ${rule.cancelledOn === undefined ? `superseded on ${rule.supersededOn ?? ""}` : `cancelled on ${rule.cancelledOn}`}: ${rule.text}, ${period(rule)}${sourceOf(rule)}`,
      ...noteOf(rule),
    ]),
  ];
}

function noteOf({ note }: RuleView): string[] {
  return note === undefined ? [] : [`    ${note}`];
}

function period({ validFrom, validTo, announcedOn }: RuleView): string {
  const from = validFrom === undefined ? "" : `from ${validFrom} `;
  const to = validTo === undefined ? "" : `until ${validTo} `;
  const announced = announcedOn === undefined || announcedOn === validFrom ? "" : `(announced ${announcedOn}) `;
  return `${from}${to}${announced}`.replace(/ $/, "; ");
}

function sourceOf({ status, source, sourceDate }: RuleView): string {
  return `${status}: ${source}, ${sourceDate}`;
}
