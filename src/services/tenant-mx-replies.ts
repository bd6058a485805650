import type { KnownReply } from "./service.ts";

export const connectorReplies: readonly KnownReply[] = [];
export const directSendReplies: readonly KnownReply[] = [];
