import type { ApiErrors } from "./api-errors.ts";
import { emailAt, isObject, join, objectAt, printable, textsAt, type EmailObject } from "./fields.ts";
import { checkCustomArgs, readCustomArgs, readHeaders, readSendAt, readSubject } from "./read-message-fields.ts";

/** One message of the request. */
export interface Personalization {
  readonly from: EmailObject | null;
  readonly to: readonly EmailObject[];
  readonly cc: readonly EmailObject[];
  readonly bcc: readonly EmailObject[];
  /** null: none, where a template was to bring it. */
  readonly subject: string | null;
  /** Its own alone: those of the request stand there once, not with each of a thousand messages (`withDefaults`). */
  readonly headers: ReadonlyMap<string, string>;
  /** Tag to value, for subject, content and Reply-To. */
  readonly substitutions: ReadonlyMap<string, string>;
  /** Its own alone. */
  readonly customArgs: ReadonlyMap<string, string>;
  /** Policy-clock ms; null: at once. */
  readonly sendAt: number | null;
}

export type PersonalizationDefaults = Pick<Personalization, "from" | "subject" | "customArgs" | "sendAt">;

const properties = ["from", "to", "cc", "bcc", "subject", "headers", "substitutions", "dynamic_template_data", "custom_args", "send_at"];

/** SG oai and Errors page. */
const maxPersonalizations = 1000;
const maxRecipients = 1000;
const maxSubstitutionBytes = 10_000;
/** Ours: a tag is looked for at every place of the content. */
const maxTagLength = 64;

export function readPersonalizations(
  value: unknown,
  defaults: PersonalizationDefaults,
  now: number,
  errors: ApiErrors,
): readonly Personalization[] {
  if (!Array.isArray(value) || value.length === 0) {
    errors.add("personalizations", "You must have at least one personalization.");
    return [];
  }
  if (value.length > maxPersonalizations) {
    errors.add(
      "personalizations",
      `The personalization block is limited to 1000 personalizations per API request. You have provided ${value.length} personalizations. Please consider splitting this into multiple requests and resending your request.`,
    );
    return [];
  }
  if (countRecipients(value) > maxRecipients) {
    errors.add("personalizations", "There is a limit of 1000 total recipients (to + cc + bcc) per request.");
    return [];
  }
  return value.flatMap((entry: unknown, n) => readOne(entry, `personalizations.${n}`, defaults, now, errors));
}

/** Before anything is made of them. */
function countRecipients(personalizations: readonly unknown[]): number {
  let count = 0;
  for (const entry of personalizations) {
    if (!isObject(entry)) continue;
    for (const list of [entry["to"], entry["cc"], entry["bcc"]]) if (Array.isArray(list)) count += list.length;
  }
  return count;
}

function readOne(
  value: unknown,
  field: string,
  defaults: PersonalizationDefaults,
  now: number,
  errors: ApiErrors,
): readonly Personalization[] {
  const entry = objectAt(value, field, properties, errors);
  if (entry === null) return [];
  const data = entry["dynamic_template_data"];
  if (isObject(data) ? Object.keys(data).length > 0 : data !== undefined && data !== null)
    errors.add(`${field}.dynamic_template_data`, "This gateway keeps no templates, so that there is nothing to fill in.");
  const recipients = readRecipients(entry, field, errors);
  const own = entry["from"];
  const customArgs = readCustomArgs(entry["custom_args"], `${field}.custom_args`, errors);
  checkCustomArgs(defaults.customArgs, customArgs, `${field}.custom_args`, errors);
  return [
    {
      ...recipients,
      from: own === undefined || own === null ? defaults.from : emailAt(own, `${field}.from`, "from", errors),
      subject: readSubject(entry["subject"], `${field}.subject`, errors) ?? defaults.subject,
      headers: readHeaders(entry["headers"], `${field}.headers`, errors),
      substitutions: readSubstitutions(entry["substitutions"], `${field}.substitutions`, errors),
      customArgs,
      // One's own time counts, also when it is past.
      sendAt: entry["send_at"] === undefined ? defaults.sendAt : readSendAt(entry["send_at"], `${field}.send_at`, now, errors),
    },
  ];
}

function readRecipients(entry: Readonly<Record<string, unknown>>, field: string, errors: ApiErrors) {
  const { to } = entry;
  if (!Array.isArray(to) || to.length === 0)
    errors.add(
      `${field}.to`,
      "The to array is required for all personalization objects, and must have at least one email object with a valid email address.",
    );
  const seen = new Set<string>();
  let duplicate = false;
  const read = (key: "to" | "cc" | "bcc"): readonly EmailObject[] => {
    const list = entry[key];
    const at = join(field, key);
    if (list === undefined || list === null) return [];
    if (!Array.isArray(list)) {
      if (key !== "to")
        errors.add(
          at,
          `The ${key} array, when used, must at least have an email parameter with a valid email address and it may also contain a name parameter. e.g. {"email": "example@example.com"} or {"email": "example@example.com", "name": "Example Recipient"}.`,
        );
      return [];
    }
    return list.flatMap((one: unknown, n) => {
      const email = emailAt(one, `${at}.${n}`, key, errors);
      if (email === null) return [];
      const same = email.email.toLowerCase();
      if (seen.has(same) && !duplicate) {
        duplicate = true;
        errors.add(
          field,
          `Each email address in the personalization block should be unique between to, cc, and bcc. We found the first duplicate instance of [${printable(email.email)}] in the ${at} field.`,
        );
      }
      seen.add(same);
      return [email];
    });
  };
  return { to: read("to"), cc: read("cc"), bcc: read("bcc") };
}

function readSubstitutions(value: unknown, field: string, errors: ApiErrors): ReadonlyMap<string, string> {
  if (value === undefined || value === null) return new Map();
  const fault = "The substitution values must be an object of key/value pairs, where the values are all strings.";
  const substitutions = textsAt(value, field, fault, errors);
  let bytes = 0;
  for (const [tag, text] of substitutions) {
    bytes += Buffer.byteLength(tag) + Buffer.byteLength(text);
    if (tag === "" || tag.length > maxTagLength) errors.add(field, `A substitution tag must have 1 to ${maxTagLength} characters here.`);
  }
  if (bytes > maxSubstitutionBytes)
    errors.add(field, "The total size of your substitutions may not exceed 10,000 bytes per personalization.");
  return substitutions;
}

/** The request's, and in their place a personalization's own of the same name; names of header fields have no case. */
export function withDefaults(
  all: ReadonlyMap<string, string>,
  own: ReadonlyMap<string, string>,
  noCase: boolean,
): ReadonlyMap<string, string> {
  if (own.size === 0) return all;
  const same = (name: string): string => (noCase ? name.toLowerCase() : name);
  const names = new Set([...own.keys()].map(same));
  return new Map([...[...all].filter(([name]) => !names.has(same(name))), ...own]);
}
