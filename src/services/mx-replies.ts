import type { KnownReply } from "./service.ts";

export const mxReplies: readonly KnownReply[] = [];
