import type { KnownReply } from "./service.ts";

export const smartHostReplies: readonly KnownReply[] = [];
