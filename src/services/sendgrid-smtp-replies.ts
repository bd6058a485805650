import type { KnownReply } from "./service.ts";

export const sendgridSmtpReplies: readonly KnownReply[] = [];
