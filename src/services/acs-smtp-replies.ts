import type { KnownReply } from "./service.ts";

export const acsSmtpReplies: readonly KnownReply[] = [];
