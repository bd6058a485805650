import type { Reply } from "../../../mail/reply.ts";

/** What a server offered in its answer to EHLO. */
export interface Capabilities {
  /** The server's own name, first word of the first line. */
  readonly name: string;
  readonly pipelining: boolean;
  /** SIZE (RFC 1870) in bytes; null when not offered or without a fixed limit. */
  readonly maxSize: number | null;
  /** SIZE offered at all, so that MAIL may carry it. */
  readonly size: boolean;
  readonly eightBitMime: boolean;
  readonly smtputf8: boolean;
  readonly dsn: boolean;
  readonly chunking: boolean;
  readonly startTls: boolean;
  /** SASL mechanisms in upper case, in the server's order. */
  readonly auth: readonly string[];
}

/** What a server can do that knows only HELO. */
export const noCapabilities: Capabilities = {
  name: "",
  pipelining: false,
  maxSize: null,
  size: false,
  eightBitMime: false,
  smtputf8: false,
  dsn: false,
  chunking: false,
  startTls: false,
  auth: [],
};

/** RFC 5321 §4.1.1.1: one keyword a line, after the greeting line; unknown ones are ignored, keywords ignore case. */
export function parseCapabilities(reply: Reply): Capabilities {
  const keywords = new Map<string, string[]>();
  for (const line of reply.lines.slice(1)) {
    const [keyword = "", ...parameters] = line
      .trim()
      .toUpperCase()
      .split(/[ \t]+/);
    // Servers that follow a draft before RFC 2554 write `AUTH=LOGIN PLAIN`, often beside the proper line.
    if (keyword.startsWith("AUTH=")) add(keywords, "AUTH", [keyword.slice(5), ...parameters]);
    else add(keywords, keyword, parameters);
  }
  return {
    name: reply.lines[0]?.trim().split(/[ \t]/, 1)[0] ?? "",
    pipelining: keywords.has("PIPELINING"),
    maxSize: parseSize(keywords.get("SIZE")?.[0]),
    size: keywords.has("SIZE"),
    eightBitMime: keywords.has("8BITMIME"),
    smtputf8: keywords.has("SMTPUTF8"),
    dsn: keywords.has("DSN"),
    chunking: keywords.has("CHUNKING"),
    startTls: keywords.has("STARTTLS"),
    auth: [...new Set(keywords.get("AUTH") ?? [])].filter((mechanism) => mechanism !== ""),
  };
}

function add(keywords: Map<string, string[]>, keyword: string, parameters: readonly string[]): void {
  keywords.set(keyword, [...(keywords.get(keyword) ?? []), ...parameters]);
}

/** RFC 1870 §3: no number or 0 means that no fixed limit is in force. */
function parseSize(text: string | undefined): number | null {
  if (text === undefined || !/^\d{1,15}$/.test(text)) return null;
  const size = Number(text);
  return size === 0 ? null : size;
}
