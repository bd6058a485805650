import type { KnownReply } from "./service.ts";

export const smtpAuthReplies: readonly KnownReply[] = [];
