import type { Command } from "commander";

/** What a command's file exports as default: adds arguments, options, examples and the action to an empty command. */
export type DefineCommand = (command: Command) => void;

export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  /** Imported only when that command runs or its help is asked for, so that the others cost nothing. */
  readonly load: () => Promise<{ readonly default: DefineCommand }>;
}

/** Every command, in the order of the help. */
export const commands: readonly CommandEntry[] = [
  { name: "demo", summary: "run gateway and sandbox, wired together, on loopback", load: () => import("./commands/demo.ts") },
  { name: "serve", summary: "run the gateway", load: () => import("./commands/serve.ts") },
  { name: "sandbox", summary: "run the emulated Microsoft side", load: () => import("./commands/sandbox.ts") },
  { name: "env", summary: "print what a client needs to reach what runs", load: () => import("./commands/env.ts") },
  { name: "send", summary: "send messages through the gateway", load: () => import("./commands/send.ts") },
  { name: "sendmail", summary: "send a letter, in the place of /usr/sbin/sendmail", load: () => import("./commands/sendmail.ts") },
  { name: "queue", summary: "list and change what waits", load: () => import("./commands/queue.ts") },
  { name: "trace", summary: "tell the story of a message", load: () => import("./commands/trace.ts") },
  { name: "why", summary: "explain why a message took its route", load: () => import("./commands/why.ts") },
  { name: "routes", summary: "list, explain, pause and probe routes", load: () => import("./commands/routes.ts") },
  { name: "quota", summary: "show what is used of every limit", load: () => import("./commands/quota.ts") },
  {
    name: "forecast",
    summary: "tell when mail that is not sent yet would be out, by which routes, for how much",
    load: () => import("./commands/forecast.ts"),
  },
  { name: "doctor", summary: "try routes and tell what is missing", load: () => import("./commands/doctor.ts") },
  { name: "setup", summary: "renew a route's credentials, or sign in for it", load: () => import("./commands/setup.ts") },
  { name: "status", summary: "show counters, listeners and routes", load: () => import("./commands/status.ts") },
  { name: "dns", summary: "print the DNS records of a domain, make its next key", load: () => import("./commands/dns.ts") },
  { name: "check-config", summary: "explain every fault of a configuration file", load: () => import("./commands/check-config.ts") },
  { name: "reload", summary: "let the gateway read its configuration again", load: () => import("./commands/reload.ts") },
  {
    name: "hash-password",
    summary: "hash a principal's password for the configuration",
    load: () => import("./commands/hash-password.ts"),
  },
  { name: "backup", summary: "copy the data directory of the running gateway", load: () => import("./commands/backup.ts") },
  { name: "restore", summary: "put a backup in place of a stopped gateway's data", load: () => import("./commands/restore.ts") },
  { name: "bench", summary: "put a small load on a running gateway and measure", load: () => import("./commands/bench.ts") },
];
