/** Where adapters tell what an operator may want to know, one call a fact: a name for the fact, and its particulars. Never a secret. */
export type RouteLog = (level: "debug" | "info" | "warn" | "error", fact: string, particulars: Readonly<Record<string, string | number | boolean>>) => void;
