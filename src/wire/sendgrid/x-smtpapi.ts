/**
 * The X-SMTPAPI field of SendGrid: JSON in a header field, folded, which says whom a message goes to and what is to be done with it.
 *
 * Read strictly: what it asks and we cannot do is an error that names it, never something left out in silence. Bounded by the header section.
 */
export interface XSmtpApi {
  /** Replaces the envelope's recipients: each gets a message of its own. As written: `bob@x.example` or `Bob <bob@x.example>`. */
  readonly to?: readonly string[];
  /** Seconds since 1970. */
  readonly sendAt?: number;
  readonly categories: readonly string[];
  readonly uniqueArgs: Readonly<Record<string, string>>;
  /** Keys that nobody has told us of; they change nothing and are kept for the trace. */
  readonly unknown: readonly string[];
}

/** One sentence for the client. */
export class XSmtpApiError extends Error {
  override readonly name = "XSmtpApiError";
}

export interface TakenOut {
  /** null: there is no such field. */
  readonly api: XSmtpApi | null;
  /** The header section without it, as far as the empty line and with it. */
  readonly header: Buffer;
}

const fieldName = "x-smtpapi";
/** Limits of ours, and SendGrid's own for recipients and for unique arguments (10,000 bytes). */
const maxTo = 1000;
const maxCategories = 10;
const maxUniqueArgs = 10_000;

/** Keys whose work nobody would do if we took the message: each would change what people get to read. */
const unsupported: readonly string[] = [
  "sub",
  "section",
  "filters",
  "send_each_at",
  "asm_group_id",
  "asm",
  "ip_pool",
  "template_id",
  "batch_id",
];

/**
 * Takes the field out of a header section. Linear.
 *
 * @throws XSmtpApiError
 */
export function takeXSmtpApi(header: Buffer): TakenOut {
  const fields = header.toString("latin1").split(/(?<=\r\n)(?![ \t])/);
  const isApi = (field: string): boolean =>
    field.slice(0, fieldName.length).toLowerCase() === fieldName && /^[ \t]*:/.test(field.slice(fieldName.length));
  const mine = fields.filter(isApi);
  if (mine.length === 0) return { api: null, header };
  if (mine.length > 1) throw new XSmtpApiError("X-SMTPAPI is there more than once");
  const kept = Buffer.from(fields.filter((field) => !isApi(field)).join(""), "latin1");
  const field = mine[0] as string;
  // A fold is white space in JSON as well, but inside of a string it is only the fold's.
  const text = Buffer.from(field.slice(field.indexOf(":") + 1).replace(/\r\n(?=[ \t])/g, ""), "latin1").toString("utf8");
  return { api: parseXSmtpApi(text), header: kept };
}

/** @throws XSmtpApiError */
export function parseXSmtpApi(text: string): XSmtpApi {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new XSmtpApiError("X-SMTPAPI is not JSON");
  }
  if (!isRecord(value)) throw new XSmtpApiError("X-SMTPAPI is not a JSON object");
  const asked = unsupported.filter((key) => Object.hasOwn(value, key) && !isEmpty(value[key]));
  if (asked.length > 0) throw new XSmtpApiError(`X-SMTPAPI asks for ${asked.join(", ")}, which this gateway does not do`);
  const { to, send_at: sendAt, category, unique_args: uniqueArgs } = value;
  const known = ["to", "send_at", "category", "unique_args", ...unsupported];
  return {
    ...(to === undefined ? {} : { to: texts(to, "to", maxTo) }),
    ...(sendAt === undefined ? {} : { sendAt: secondsOf(sendAt) }),
    categories: category === undefined ? [] : texts(typeof category === "string" ? [category] : category, "category", maxCategories),
    uniqueArgs: uniqueArgs === undefined ? {} : argsOf(uniqueArgs),
    unknown: Object.keys(value).filter((key) => !known.includes(key)),
  };
}

function texts(value: unknown, key: string, most: number): readonly string[] {
  if (!Array.isArray(value) || value.length === 0 || !value.every((each) => typeof each === "string"))
    throw new XSmtpApiError(`X-SMTPAPI: ${key} must be a list of texts`);
  if (value.length > most) throw new XSmtpApiError(`X-SMTPAPI: ${key} has more than ${most} entries`);
  return value;
}

function secondsOf(value: unknown): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0)
    throw new XSmtpApiError("X-SMTPAPI: send_at must be a time in seconds since 1970");
  return value;
}

function argsOf(value: unknown): Readonly<Record<string, string>> {
  if (!isRecord(value)) throw new XSmtpApiError("X-SMTPAPI: unique_args must be an object");
  const args = Object.entries(value);
  if (!args.every(([, each]) => ["string", "number", "boolean"].includes(typeof each)))
    throw new XSmtpApiError("X-SMTPAPI: unique_args must hold texts");
  if (Buffer.byteLength(JSON.stringify(value)) > maxUniqueArgs)
    throw new XSmtpApiError(`X-SMTPAPI: unique_args is larger than ${maxUniqueArgs} bytes`);
  return Object.fromEntries(args.map(([name, each]) => [name, String(each)]));
}

function isEmpty(value: unknown): boolean {
  return value === null || (typeof value === "object" && Object.keys(value).length === 0);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
