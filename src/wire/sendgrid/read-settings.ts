import type { ApiErrors } from "./api-errors.ts";
import { objectAt, type JsonObject } from "./fields.ts";

export interface Settings {
  readonly sandbox: boolean;
  readonly notDone: readonly string[];
  readonly openTrackingTag?: string;
}

interface Setting {
  /** What may stand in it besides `enable`. */
  readonly with?: readonly string[];
  /** How the messages name it. */
  readonly name: string;
  /** Switched on it would change what people get: refused with this. Absent: it does not show, and is told as not done. */
  readonly refused?: string;
}

/** SG oai, and the Errors page for bcc and spam_check. */
const mailSettings: Readonly<Record<string, Setting>> = {
  bypass_list_management: { name: "bypass list management" },
  bypass_spam_management: { name: "bypass spam management" },
  bypass_bounce_management: { name: "bypass bounce management" },
  bypass_unsubscribe_management: { name: "bypass unsubscribe management" },
  footer: { name: "footer", with: ["text", "html"], refused: "This gateway adds no footer: put it into the content." },
  sandbox_mode: { name: "sandbox mode" },
  bcc: { name: "bcc", with: ["email"], refused: "This gateway adds no recipients: put the address into bcc of the personalizations." },
  spam_check: { name: "spam check", with: ["threshold", "post_to_url"] },
};

const trackingSettings: Readonly<Record<string, Setting>> = {
  click_tracking: { name: "click tracking", with: ["enable_text"] },
  open_tracking: { name: "open tracking", with: ["substitution_tag"] },
  subscription_tracking: {
    name: "subscription tracking",
    with: ["text", "html", "substitution_tag"],
    refused: "This gateway adds no unsubscribe link: put one into the content.",
  },
  ganalytics: { name: "Google Analytics", with: ["utm_source", "utm_medium", "utm_term", "utm_content", "utm_campaign"] },
};

export function readSettings(mail: unknown, tracking: unknown, errors: ApiErrors): Settings {
  const enabled = new Map<string, JsonObject>();
  readGroup(mail, "mail_settings", mailSettings, enabled, errors);
  readGroup(tracking, "tracking_settings", trackingSettings, enabled, errors);
  const tag = enabled.get("open_tracking")?.["substitution_tag"];
  if (tag !== undefined && typeof tag !== "string")
    errors.add("tracking_settings.open_tracking.substitution_tag", "The open tracking substitution tag must be a string.");
  return {
    sandbox: enabled.delete("sandbox_mode"),
    notDone: [...enabled.keys()],
    ...(typeof tag === "string" && tag !== "" ? { openTrackingTag: tag } : {}),
  };
}

function readGroup(
  value: unknown,
  group: string,
  settings: Readonly<Record<string, Setting>>,
  enabled: Map<string, JsonObject>,
  errors: ApiErrors,
): void {
  if (value === undefined || value === null) return;
  const given = objectAt(value, group, Object.keys(settings), errors);
  if (given === null) return;
  for (const [key, setting] of Object.entries(settings)) {
    if (given[key] === undefined || given[key] === null) continue;
    const field = `${group}.${key}`;
    const inside = objectAt(given[key], field, ["enable", ...(setting.with ?? [])], errors);
    if (inside === null) continue;
    const { enable = false } = inside;
    if (typeof enable !== "boolean") errors.add(`${field}.enable`, `The ${setting.name} enable param should be a boolean value.`);
    else if (enable && setting.refused !== undefined) errors.add(field, setting.refused);
    else if (enable) enabled.set(key, inside);
  }
}
