/** What of X-SMTPAPI is obeyed. `to` null: the envelope says it. Substitutions are not applied. */
export interface SmtpApi {
  readonly to: readonly string[] | null;
  readonly categories: readonly string[];
}

/** Reads the value of the field; null: it is no such JSON. Addresses may have a display name in front. */
export function readSmtpApi(value: string): SmtpApi | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(value);
  } catch {
    return null;
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) return null;
  const { to = null, category = [] } = parsed as { readonly to?: unknown; readonly category?: unknown };
  const recipients = to === null ? null : texts(to)?.map(bareAddress);
  const categories = texts(category);
  if (recipients === undefined || categories === null || (recipients?.some((address) => !addressPattern.test(address)) ?? false))
    return null;
  return { to: recipients, categories };
}

/** What may stand in an envelope: JSON can hold anything, line ends too. */
const addressPattern = /^[^\s@<>\p{Cc}]{1,64}@[A-Za-z0-9.-]{1,255}$/u;

function texts(value: unknown): readonly string[] | null {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.every((each) => typeof each === "string") ? list : null;
}

function bareAddress(text: string): string {
  const open = text.lastIndexOf("<");
  return (open >= 0 && text.endsWith(">") ? text.slice(open + 1, -1) : text).trim();
}
