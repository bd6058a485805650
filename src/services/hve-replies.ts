import type { KnownReply } from "./service.ts";

export const hveReplies: readonly KnownReply[] = [];
