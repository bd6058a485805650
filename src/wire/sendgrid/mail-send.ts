/**
 * The request of SendGrid's `POST /v3/mail/send`, read strictly: every fault is told with the published message and the path of its field, and
 * what the gateway cannot do, and people would miss, is refused by name, never left out in silence.
 *
 * SG oai (read 2026-11-27): the shape and most limits. SG Errors page (read 2026-11-27): the messages. Messages about what this gateway does
 * not do, and about control characters, are ours. Linear in the size of the request; the one who calls bounds that.
 */
import { ApiErrors, ApiRefusal } from "./api-errors.ts";
import { emailAt, arrayAt, isObject, objectAt, printable, type EmailObject } from "./fields.ts";
import { readAttachments, readContent, type Attachment, type Content } from "./read-content.ts";
import { readCategories, readCustomArgs, readHeaders, readSendAt, readSubject } from "./read-message-fields.ts";
import { readPersonalizations, type Personalization } from "./read-personalizations.ts";
import { readSettings } from "./read-settings.ts";

export interface MailSend {
  readonly from: EmailObject;
  readonly replyTo: readonly EmailObject[];
  /** At least one; text/plain, text/html, then others. */
  readonly content: readonly Content[];
  readonly attachments: readonly Attachment[];
  /** Each becomes a message of its own; what it does not say itself is filled in from the request. */
  readonly personalizations: readonly Personalization[];
  /** Of every message, unless its personalization has its own of that name. */
  readonly headers: ReadonlyMap<string, string>;
  readonly customArgs: ReadonlyMap<string, string>;
  readonly categories: readonly string[];
  /** Read all of it, say 200, send nothing. */
  readonly sandbox: boolean;
  /** What was asked, is not done here and does not show to people: `click_tracking`. */
  readonly notDone: readonly string[];
  /** Stands in the content for the open-tracking pixel. */
  readonly openTrackingTag?: string;
}

const properties = [
  "personalizations",
  "from",
  "reply_to",
  "reply_to_list",
  "subject",
  "content",
  "attachments",
  "template_id",
  "sections",
  "headers",
  "categories",
  "custom_args",
  "send_at",
  "batch_id",
  "asm",
  "ip_pool_name",
  "mail_settings",
  "tracking_settings",
];

const maxReplyTo = 1000;

/**
 * @param now policy-clock ms
 * @throws ApiRefusal
 */
export function readMailSend(value: unknown, now: number): MailSend {
  const errors = new ApiErrors();
  const request = objectAt(value, "", properties, errors);
  if (request === null) throw new ApiRefusal([{ message: "Bad Request", field: null, help: null }]);
  const template = refuseUnsupported(request, errors);
  const from = readFrom(request["from"], errors);
  const replyTo = readReplyTo(request, errors);
  const settings = readSettings(request["mail_settings"], request["tracking_settings"], errors);
  const headers = readHeaders(request["headers"], "headers", errors);
  const customArgs = readCustomArgs(request["custom_args"], "custom_args", errors);
  const defaults = {
    from,
    subject: readSubject(request["subject"], "subject", errors),
    customArgs,
    sendAt: readSendAt(request["send_at"], "send_at", now, errors),
  };
  const personalizations = readPersonalizations(request["personalizations"], defaults, now, errors);
  if (
    !template &&
    defaults.subject === null &&
    request["subject"] === undefined &&
    personalizations.some(({ subject }) => subject === null)
  )
    errors.add(
      "subject",
      "The subject is required. You can get around this requirement if you use a template with a subject defined or if every personalization has a subject defined.",
    );
  const content = readContent(request["content"], template, errors);
  checkSubstitutable(content, personalizations, errors);
  const attachments = readAttachments(request["attachments"], errors);
  const categories = readCategories(request["categories"], errors);
  if (!errors.none || from === null) throw new ApiRefusal(errors.list);
  const { notDone, ...rest } = settings;
  const pool = request["ip_pool_name"] === undefined || request["ip_pool_name"] === "" ? [] : ["ip_pool_name"];
  return {
    from,
    replyTo,
    content,
    attachments,
    personalizations,
    headers,
    customArgs,
    categories,
    ...rest,
    notDone: [...notDone, ...pool],
  };
}

/** Ours: each tag is looked for at every place, in every message. */
const maxSubstitutable = 1024 * 1024;

function checkSubstitutable(content: readonly Content[], personalizations: readonly Personalization[], errors: ApiErrors): void {
  const length = content.reduce((sum, { value }) => sum + value.length, 0);
  if (length > maxSubstitutable && personalizations.some(({ substitutions }) => substitutions.size > 0))
    errors.add("content", `With substitutions the content may have ${maxSubstitutable} characters.`);
}

function readFrom(value: unknown, errors: ApiErrors): EmailObject | null {
  if (value !== undefined && value !== null) return emailAt(value, "from", "from", errors);
  errors.add(
    "from",
    'The from object must be provided for every email send. It is an object that requires the email parameter, but may also contain a name parameter. e.g. {"email" : "example@example.com"} or {"email" : "example@example.com", "name" : "Example Recipient"}.',
  );
  return null;
}

function readReplyTo(request: Readonly<Record<string, unknown>>, errors: ApiErrors): readonly EmailObject[] {
  const { reply_to: one, reply_to_list: list } = request;
  if (list === undefined || list === null) {
    const email = one === undefined || one === null ? null : emailAt(one, "reply_to", "reply_to", errors);
    return email === null ? [] : [email];
  }
  if (one !== undefined && one !== null) errors.add("reply_to", "reply_to is mutually exclusive with reply_to_list.");
  const entries = arrayAt(list, "reply_to_list", errors);
  if (entries.length > maxReplyTo) {
    errors.add("reply_to_list", `There is a limit of ${maxReplyTo} reply_to emails per mail/send request.`);
    return [];
  }
  const seen = new Set<string>();
  return entries.flatMap((entry, n) => {
    const email = emailAt(entry, `reply_to_list.${n}`, "reply_to_list", errors);
    if (email === null) return [];
    if (seen.has(email.email.toLowerCase())) errors.add(`reply_to_list.${n}`, "Each email address in the reply_to_list should be unique.");
    seen.add(email.email.toLowerCase());
    return [email];
  });
}

/** What people would get to read, or would not get, otherwise. True: a template was asked for, so its content may be missing here. */
function refuseUnsupported(request: Readonly<Record<string, unknown>>, errors: ApiErrors): boolean {
  const { template_id: template, sections, batch_id: batch, asm } = request;
  if (batch !== undefined && batch !== null && batch !== "")
    errors.add("batch_id", "This gateway keeps no batches, so that a batch could not be cancelled or paused: send without batch_id.");
  if (asm !== undefined && asm !== null) {
    const group = objectAt(asm, "asm", ["group_id", "groups_to_display"], errors)?.["group_id"];
    errors.add(
      "asm.group_id",
      `The ASM group ID must be a valid Group ID on your account. You provided ${printable(JSON.stringify(group) ?? "none")}. This gateway has no unsubscribe groups.`,
    );
  }
  if (isObject(sections) ? Object.keys(sections).length > 0 : sections !== undefined && sections !== null)
    errors.add("sections", "This gateway does not fill in sections.");
  if (template === undefined || template === null || template === "") return false;
  const given = printable(typeof template === "string" ? template : (JSON.stringify(template) ?? ""));
  errors.add(
    "template_id",
    `The Template ID must be a valid template id for your account. You provided ${given}. This gateway keeps no templates.`,
  );
  return true;
}
